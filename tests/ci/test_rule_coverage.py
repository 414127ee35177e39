"""ci/rule_coverage.py lists a side that accepts or exempts and was never taken, and no side that finds something."""

import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "ci" / "rule_coverage.py"
SPEC = importlib.util.spec_from_file_location("rule_coverage", PROGRAM)
RULES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(RULES)


def listed(statements, *counts):
    """What is said of conditions, each (its text, times true, times false), in a function of these statements."""
    text = "void State::judge() {\n  " + statements + "\n}\n"
    places = {}
    for condition, taken, not_taken in counts:
        at = re.compile(rf"(?<!\w){re.escape(condition)}(?!\w)").search(text).start()
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        places[(line, column, line, column + len(condition))] = [taken, not_taken]
    return [(condition, side, what) for _, condition, side, what
            in RULES.exemptions(RULES.Source(text), text, places)]


class RuleCoverage(unittest.TestCase):
    def test_a_finding_that_never_came_is_not_listed(self):
        for judgement in ("return find(Law::kTlb1, 1, 2);", "{ x = 1; find(Law::kTlb1, 1, 2); }", "std::abort();",
                          "judge_waiting();"):
            self.assertEqual([], listed(f"if (bad) {judgement}", ("bad", 0, 9)))

    def test_an_exemption_that_never_acted_is_listed(self):
        self.assertEqual([("exempt", "never true", "leaves early")],
                         listed("if (exempt) return;\n  find(a);", ("exempt", 0, 9)))
        self.assertEqual([("!exempt", "never false", "skips a check")],
                         listed("if (bad && !exempt) return find(a);", ("bad", 1, 9), ("!exempt", 1, 0)))
        self.assertEqual([("exempt", "never true", "in an expression")],
                         listed("return exempt || good;", ("exempt", 0, 9), ("good", 9, 1)))

    def test_both_sides_taken_or_none_says_nothing(self):
        self.assertEqual([], listed("if (a) return;", ("a", 1, 9)))
        self.assertEqual([], listed("if (a) return;", ("a", 0, 0)))

    def test_the_check_behind_an_early_return_is_a_judgement(self):
        self.assertEqual([], listed("if (exempt) return;\n  find(a);", ("exempt", 9, 0)))
        self.assertEqual([("a", "never false", "goes on")], listed("if (a) return;\n  ++b;", ("a", 9, 0)))

    def test_find_of_a_container_objects_to_nothing(self):
        for call in ("ranges.find(byte);", "ranges->find(byte);", "std::find(a, b, c);"):
            self.assertEqual([("a", "never true", "then")], listed(f"if (a) x = {call}", ("a", 0, 9)))

    def test_a_negated_bracket_turns_the_sides(self):
        self.assertEqual([("a", "never true", "skips a check")], listed("if (!(a || b)) find(c);", ("a", 0, 9)))

    def test_choices_cases_and_loops(self):
        self.assertEqual([("a", "never true", "a choice")], listed("x = a ? b : Law::kC;", ("a", 0, 9)))
        self.assertEqual([("b", "never false", "a choice")], listed("x = a ? b ? c : d : e;", ("b", 9, 0)))
        self.assertEqual([("case X::kA", "never taken", "this case")],
                         listed("switch (x) { case X::kA: return true; case X::kB: return find(b); }",
                                ("case X::kA", 0, 9), ("case X::kB", 0, 9)))
        self.assertEqual([("a", "never true", "the loop's body")], listed("for (; a;) ++b;", ("a", 0, 9)))
        self.assertEqual([], listed("while (a) find(b);", ("a", 0, 9)))

    def test_what_follows_a_finding_or_another_systems_claim_is_not_listed(self):
        for condition in ("broken()", "!claims.narrates"):
            self.assertEqual([], listed(f"if ({condition}) return;", (condition, 0, 9)))
        text = "bool State::is_here(int a) {\n  if (a) find(b);\n  return c;\n}\nbool State::other() { return d; }\n"
        self.assertEqual(["is_here"], list(RULES.judges(RULES.Source(text))))
        text = "void State::f() {\n  if (!is_here(1)) return;\n}\n"
        places = {(2, 7, 2, 18): [0, 9]}
        self.assertEqual([], list(RULES.exemptions(RULES.Source(text), text, places, ["is_here"])))
        self.assertEqual(1, len(list(RULES.exemptions(RULES.Source(text), text, places))))

    def test_else_is_the_side_where_it_is_false(self):
        self.assertEqual([], listed("if (a)\n    ++b;\n  else\n    find(c);", ("a", 9, 0)))
        self.assertEqual([("a", "never false", "else")],
                         listed("if (a) find(c);\n  else if (d) ++b;", ("a", 9, 0)))

    def test_what_is_in_comments_and_strings_is_no_judgement(self):
        self.assertEqual([("a", "never true", "then")],
                         listed('if (a) note("find("); // find(x)\n  ++b;', ("a", 0, 9)))

    def test_an_export_as_llvm_writes_it(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "model").mkdir()
            (root / "model/judge.cc").write_text("bool f() {\n  if (a) return true;\n  return b;\n}\n")
            branches = [[2, 7, 2, 8, 0, 3, 0, 0, 4], [2, 7, 2, 8, 0, 4, 0, 0, 4]]  # two instantiations of one
            files = [{"filename": str(root / "model/judge.cc"), "branches": branches},
                     {"filename": str(root / "impl/other.cc"), "branches": branches}]
            (root / "export.json").write_text(json.dumps({"data": [{"files": files}]}))
            run = [sys.executable, "-B", str(PROGRAM), str(root / "export.json"), str(root)]
            result = subprocess.run(run, capture_output=True, check=False, text=True)
        self.assertEqual("model/judge.cc:2: a: never true (leaves early)\n", result.stdout)
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertIn("1 conditions in model/; 1 sides", result.stderr)


if __name__ == "__main__":
    unittest.main()
