"""ci/tidy sees each offence that is planted in a small tree, where it is planted, and nothing else."""

import importlib.machinery
import importlib.util
import pathlib
import subprocess
import tempfile
import unittest

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "ci" / "tidy"
LOADER = importlib.machinery.SourceFileLoader("tidy", str(PROGRAM))
TIDY = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", LOADER))
LOADER.exec_module(TIDY)

LONG_BODY = "  step();\n" * 69


def findings_in(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return [f"{name}:{line}:{rule}" for name in TIDY.files_of(root)
                for line, rule, _ in TIDY.check_file(name, (root / name).read_bytes())]


class Tidy(unittest.TestCase):
    def sees(self, expected, files):
        self.assertEqual(expected, findings_in(files))

    def accepts(self, files):
        self.assertEqual([], findings_in(files))

    def sees_include(self, path, included):
        self.sees([f"{path}:2:include"], {path: f"#pragma once\n#include {included}\n"})

    def accepts_include(self, path, included):
        self.accepts({path: f"#pragma once\n#include {included}\n"})


class Includes(Tidy):
    def test_vocab_sees_only_itself_and_the_standard_library(self):
        self.accepts_include("vocab/a.h", '"vocab/units.h"')
        self.accepts_include("vocab/a.h", "<vector>")
        self.sees_include("vocab/a.h", '"model/model.h"')
        self.sees_include("vocab/a.h", "<fmt/core.h>")

    def test_model_sees_only_vocab(self):
        self.accepts_include("model/specs/a.h", '"vocab/units.h"')
        self.accepts_include("model/a.cc", '"model/specs/a.h"')
        self.sees_include("model/a.cc", '"impl/mm.h"')
        self.sees_include("model/a.cc", '"lockstep/system.h"')
        self.sees_include("model/a.cc", "<iostream>")
        self.sees_include("model/a.cc", "<sys/mman.h>")

    def test_impl_sees_a_part_of_vocab(self):
        for name in ("units", "flags", "machine", "refusals", "events"):
            self.accepts_include("impl/phys/a.h", f'"vocab/{name}.h"')
        self.sees_include("impl/phys/a.h", '"vocab/operations.h"')
        self.sees_include("impl/phys/a.h", '"model/model.h"')
        self.sees_include("impl/mm.cc", '"lockstep/system.h"')

    def test_impl_includes_downwards(self):
        self.accepts_include("impl/slab/a.h", '"impl/phys/buddy.h"')
        self.accepts_include("impl/slab/a.h", '"impl/slab/b.h"')
        self.accepts_include("impl/mm.h", '"impl/reclaim/lru.h"')
        self.sees_include("impl/phys/a.h", '"impl/slab/b.h"')
        self.accepts_include("impl/platform/a.h", '"impl/base/b.h"')
        self.sees_include("impl/base/a.h", '"impl/platform/b.h"')
        self.sees_include("impl/reclaim/a.h", '"impl/mm.h"')
        self.sees_include("impl/reclaim/a.h", '"impl/elsewhere/b.h"')

    def test_the_contract_knows_no_machine(self):
        self.accepts_include("model/contract/a.h", '"model/contract/b.h"')
        self.accepts_include("model/contract/a.h", '"vocab/operations.h"')
        for name in ("vocab/events.h", "vocab/locks.h", "vocab/points.h", "vocab/observations.h", "model/frames.h"):
            self.sees_include("model/contract/a.h", f'"{name}"')

    def test_impl_takes_the_version_that_the_build_chose(self):
        self.accepts_include("impl/phys/a.h", '"version/locks.h"')
        self.sees_include("impl/phys/a.h", '"impl/platform/threads/version/locks.h"')
        self.sees_include("impl/platform/lockstep/a.h", '"impl/platform/threads/version/locks.h"')

    def test_impl_has_the_host_heap_in_platform_only(self):
        self.accepts_include("impl/platform/ram.h", "<vector>")
        self.sees_include("impl/phys/a.h", "<vector>")

    def test_only_a_binding_joins_lockstep_and_impl(self):
        self.accepts_include("lockstep/suts/ours.cc", '"impl/mm.h"')
        self.sees_include("lockstep/suts/ours.cc", '"model/model.h"')
        self.accepts_include("lockstep/run/run.cc", '"model/model.h"')
        self.sees_include("lockstep/run/run.cc", '"impl/mm.h"')
        self.sees_include("fuzz/fuzz_machine.cc", '"impl/mm.h"')
        self.sees_include("props/a.cc", '"impl/mm.h"')
        self.accepts_include("tests/impl/a.cc", '"impl/mm.h"')
        self.accepts_include("tools/main.cc", '"props/smt/prove.h"')

    def test_proofs_see_rules_and_specs(self):
        for allowed in ("vocab/units.h", "model/specs/buddy.h", "impl/phys/buddy_rules.h", "props/smt/word.h"):
            self.accepts_include("props/smt/a.cc", f'"{allowed}"')
        self.accepts_include("props/smt/a.cc", "<z3++.h>")
        for refused in ("vocab/operations.h", "model/model.h", "impl/phys/buddy.h", "lockstep/run/run.h"):
            self.sees_include("props/smt/a.cc", f'"{refused}"')


class Lengths(Tidy):
    def test_file(self):
        self.accepts({"tools/a.cc": "int a;\n" * 500})
        self.sees(["tools/a.cc:501:file-length"], {"tools/a.cc": "int a;\n" * 501})

    def test_line(self):
        self.accepts({"tools/a.cc": "// " + "é" * 117 + "\n"})
        self.sees(["tools/a.cc:2:line-length"], {"tools/a.cc": "\n// " + "x" * 118 + "\n"})

    def test_function(self):
        self.accepts({"tools/a.cc": "void f() {\n" + LONG_BODY.replace("  step();\n", "", 1) + "}\n"})
        self.sees(["tools/a.cc:1:function-length"], {"tools/a.cc": "void f() {\n" + LONG_BODY + "}\n"})

    def test_every_kind_of_head(self):
        for head in ("int f(int a) const noexcept {", "auto f() -> std::pair<int, int> {", "TEST(A, Claims) {",
                     "A::A() : b_{1}, c_(2) {", "A::A()\n    : b_(1), c_{2} {", "auto f = [](int a) {",
                     "template <class T> void f(T) {", "template <class T>\n  requires (sizeof(T) == 8)\nvoid f(T t) {",
                     'extern "C" int f(const char*) {', "bool operator()(int) const {"):
            for before, after in (("", ""), ("namespace a {\nstruct B final : C {\n", "};\n}\n")):
                files = {"tools/a.cc": before + head + "\n" + LONG_BODY + "}\n" + after}
                self.assertEqual(1, len(findings_in(files)), head)

    def test_what_is_not_a_function_may_be_long(self):
        self.accepts({"tools/a.cc": "namespace a {\n" + "void f() { g('{', \"{\"); }  // {\n" * 100 + "}\n",
                      "tools/b.h": "struct B {\n" + "int x() const { return 1; }\n" * 100 + "};\n",
                      "tools/c.cc": "constexpr int kTable[] = {\n" + "{1'000},\n" * 100 + "};\n",
                      "tools/d.cc": 'const char* a = R"(\n' + "void f() {\n" * 100 + ')";\n'})

    def test_python_function(self):
        self.sees(["tools/a.py:1:function-length"], {"tools/a.py": "def f():\n" + "    g()\n" * 70})


class Leftovers(Tidy):
    def test_words(self):
        for word in ("TO" "DO", "FIX" "ME", "X" "XX", "DISABLED" "_Buddy", "GTEST" "_SKIP()"):
            self.sees(["tools/a.cc:2:leftover"], {"tools/a.cc": f"\n// {word}\n"})
            self.accepts({"docs/a.md": word, "corpora/a.mmt": word})

    def test_code_in_comments(self):
        for code in ("//return 1;", "  // free_page(p);", "// a->b = c;", "// #include <map>", "// int x = 4;"):
            self.sees(["tools/a.cc:1:commented-code"], {"tools/a.cc": code + "\n"})
        for prose in ("// Counted before linking;", "// free when empty (PT-1);", "//   auto b = mm.alloc(o);"):
            self.accepts({"tools/a.cc": prose + "\n"})

    def test_names(self):
        for name in ("tools/ut" "ils.cc", "tools/page_help" "ers.h", "model/com" "mon/a.h", "tools/page-man" "ager.h"):
            self.sees([f"{name}:1:name"], {name: "\n"})
        self.sees(["tools/a.cpp:1:name"], {"tools/a.cpp": "\n"})
        self.sees(["impl/elsewhere/a.h:1:name"], {"impl/elsewhere/a.h": "\n"})


class Places(Tidy):
    def test_paths_of_one_machine(self):
        for path in ("/wo" "rk/main", "/ro" "ot", "/ho" "me/me/x"):
            self.sees(["docs/a.md:1:path"], {"docs/a.md": f"see {path}\n"})
            self.sees(["corpora/a.mmt:1:path"], {"corpora/a.mmt": f"'{path}'\n"})
        longer = "net/wo" "rk/x network/ho" "me ${here}/ro" "ot https://a.org/ho" "me/x and/or\n"
        self.accepts({"docs/a.md": longer})

    def test_temporary_folder_is_asked_for(self):
        self.sees(["tests/tools/a.cc:1:path"], {"tests/tools/a.cc": 'auto a = "/t" "mp/x", b = "/t' 'mp/x";\n'})
        self.accepts({"docs/a.md": "/t" "mp/x\n"})

    def test_registries(self):
        self.sees(["ci/a.sh:2:registry"], {"ci/a.sh": "#!/bin/sh\ncurl https://py" "pi.org/simple\n"})

    def test_size(self):
        self.sees(["corpora/a:1:size"], {"corpora/a": b"a" * ((1 << 20) + 1)})
        self.accepts({"corpora/a": b"a" * (1 << 20)})

    def test_binaries(self):
        self.sees(["tools/a:1:binary"], {"tools/a": b"\x7fELF\x02"})
        self.sees(["corpora/a:1:binary"], {"corpora/a": b"\x7fELF\x02"})
        self.sees(["tools/a.dat:1:binary"], {"tools/a.dat": b"ab\0"})
        self.accepts({"corpora/fuzz_machine/a": b"ab\0\xff"})


class Invocation(Tidy):
    def test_the_message_has_place_rule_and_reason(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "a.cc").write_text("// TO" "DO\n")
            done = subprocess.run([PROGRAM, folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual("a.cc:1: leftover: TO" "DO\n", done.stdout)
        self.assertEqual(1, done.returncode)

    def test_a_clean_tree_is_silent(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "a.cc").write_text("int a;\n")
            done = subprocess.run([PROGRAM, folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual((0, ""), (done.returncode, done.stdout))

    def test_bad_usage(self):
        self.assertEqual(2, subprocess.run([PROGRAM, "a", "b"], stdout=subprocess.PIPE).returncode)


if __name__ == "__main__":
    unittest.main()
