#include "vocab/text.h"

#include <gtest/gtest.h>

#include "tests/vocab/programs.h"
#include "vocab/kinds.h"
#include "vocab/operations.h"

namespace mmtwin {
namespace {

const std::string kHead = "mmtwin 1\nmachine small\n";

std::string error_of(const std::string& text) {
  const Parsed<Program> parsed = parse_program(text);
  return parsed.ok() ? "reads" : print(parsed.error());
}

TEST(Text, WhatIsPrintedReadsAsItself) {
  for (std::uint64_t seed = 0; seed < 10000; ++seed) {
    const Program program = random_program(seed, 300);
    const std::string text = print(program);
    const Parsed<Program> parsed = parse_program(text);
    ASSERT_TRUE(parsed.ok()) << print(parsed.error()) << "\n" << text;
    ASSERT_TRUE(same(parsed.value(), program)) << text;
    ASSERT_EQ(print(parsed.value()), text);
  }
}

TEST(Text, PrintingIsCanonical) {
  const std::string loose =
      "\n# a trace written by hand\r\nmmtwin 2\nmachine small  cpus=0x1   high=9 # as usual\n\n"
      "1\tspace_create   -> p1\n"
      "2 range_map_anon prot=wr length=16384 at=65536 space=p1 cpu=0 flags=stack|fixed -> a1 = 65536\n"
      "expect ranges 0x10000-0x14000:rw-ka, 0x20000-0x21000:---sn file=2 offset=4096\n"
      "3 cpu=0 memory_load at=a1-0x8 width=0x1 space=p1 = SIGSEGV/map\n"
      "expect ranges none\n"
      "4 cpu_switch_space space=none = ok\n"
      "5 pages_alloc gfp=none node=any pause=none -> b7 = oom:0x30\n"
      "6 slab_shrink pause=zone.release#0x2 cpu=0\n7 resume pause=slab.take#1\n";
  const std::string canonical =
      "mmtwin 2\nmachine small cpus=1\n"
      "1 cpu=0 space_create -> p1\n"
      "2 cpu=0 range_map_anon space=p1 at=0x10000 length=0x4000 prot=rw flags=fixed|stack -> a1 = 0x10000\n"
      "expect ranges 0x10000-0x14000:rw-ka, 0x20000-0x21000:---sn file=2 offset=0x1000\n"
      "3 cpu=0 memory_load space=p1 at=a1-0x8 = SIGSEGV/map\n"
      "expect ranges none\n"
      "4 cpu=0 cpu_switch_space space=none = ok\n"
      "5 cpu=0 pages_alloc -> b7 = oom:0x30\n"
      "6 cpu=0 slab_shrink pause=zone.release#2\n7 cpu=0 resume pause=slab.take#1\n";
  const Parsed<Program> parsed = parse_program(loose);
  ASSERT_TRUE(parsed.ok()) << print(parsed.error());
  EXPECT_EQ(print(parsed.value()), canonical);
  EXPECT_TRUE(same(parse_program(canonical).value(), parsed.value()));
}

struct Mistake {
  std::string text, expected;
};
void expect_mistakes(std::initializer_list<Mistake> mistakes) {
  for (const auto& [text, expected] : mistakes) EXPECT_EQ(error_of(text), expected) << text;
}

TEST(Text, EveryMistakeInTheHeadIsNamedWithItsLineAndColumn) {
  expect_mistakes({
      {"", "1:1: the text ends before 'mmtwin 2'"},
      {"# nothing\n", "2:1: the text ends before 'mmtwin 2'"},
      {"mmtwin 1\n", "2:1: the text ends before the machine line"},
      {"twin 1\n", "1:1: a trace starts with 'mmtwin 2'"},
      {"mmtwin 2\n", "2:1: the text ends before the machine line"},
      {"mmtwin 3\n", "1:8: this program reads versions 1 to 2 of traces"},
      {"mmtwin 0\n", "1:8: this program reads versions 1 to 2 of traces"},
      {"mmtwin\n", "1:7: this program reads versions 1 to 2 of traces"},
      {"mmtwin 1 x\n", "1:10: 'x' is one word too many"},
      {"mmtwin 1\n1 cpu=0 space_create -> p1\n", "2:1: the second line is 'machine PRESET key=value …'"},
      {"mmtwin 1\nmachine\n",
       "2:8: a preset is missing: one of tiny, small, small-x86, numa4, scale-10, scale-20, server"},
      {"mmtwin 1\nmachine big\n",
       "2:9: 'big' is no preset: one of tiny, small, small-x86, numa4, scale-10, scale-20, server"},
      {"mmtwin 1\nmachine small colour=3\n", "2:15: unknown key 'colour'"},
      {"mmtwin 1\nmachine small cpus\n", "2:15: cpus: a value is missing: key=value"},
      {"mmtwin 1\nmachine small cpus=x\n", "2:20: cpus: 'x' is no number"},
      {"mmtwin 1\nmachine small cpus=256\n", "2:20: cpus: 256 is not 0 to 255"},
      {"mmtwin 1\nmachine small cpus=1 cpus=1\n", "2:22: key 'cpus' twice"},
      {"mmtwin 1\nmachine small cpus=9\n", "2:9: no usable machine: cpus is 9, not 1 to 8"},
      {"mmtwin 1\nmachine small hole0=5\n", "2:21: hole0: '5' is not FIRST+COUNT, or none"},
      {"mmtwin 1\nmachine small cpu_node=0,0,0,0,0,0,0,0,0\n", "2:24: cpu_node: more than 8 entries"},
      {"mmtwin 1\nmachine small geometry=arm\n", "2:24: geometry: 'arm' is no geometry: x86 or small"},
  });
}

TEST(Text, EveryMistakeInAStepIsNamedWithItsLineAndColumn) {
  expect_mistakes({
      {kHead + "2 cpu=0 space_create -> p1\n", "3:1: step 1 should be here, not '2'"},
      {kHead + "one cpu=0 space_create\n", "3:1: step 1 should be here, not 'one'"},
      {kHead + "1 cpu=0\n", "3:8: an operation is missing"},
      {kHead + "1 cpu=2 space_create -> p1\n", "3:7: cpu: 2 is not 0 to 1"},
      {kHead + "1 cpu=0 space_destroy\n", "3:9: 'space_destroy' is no operation"},
      {kHead + "1 cpu=0 space_create\n", "3:21: space_create needs '->'"},
      {kHead + "1 cpu=0 space_create ->\n", "3:24: a handle is missing after ->"},
      {kHead + "1 cpu=0 space_create -> b1\n", "3:25: ->: 'b1' is no handle: p1 to p65535"},
      {kHead + "1 cpu=0 space_create -> p65536\n", "3:25: ->: 'p65536' is no handle: p1 to p65535"},
      {kHead + "1 cpu=0 space_create -> p0\n", "3:25: ->: 'p0' is no handle: p1 to p65535"},
      {kHead + "1 cpu=0 space_create -> p1 -> p2\n", "3:28: field '->' twice"},
      {kHead + "1 cpu=0 space_create ->=p1\n", "3:22: '->=p1' is no field=value"},
      {kHead + "1 cpu=0 space_create -> p1 extra\n", "3:28: 'extra' is no field=value"},
      {kHead + "1 cpu=0 space_fork -> p1\n", "3:25: space_fork needs 'space'"},
      {kHead + "1 cpu=0 space_fork space=1 -> p1\n", "3:26: space: '1' is no handle: p1 to p65535, or none"},
      {kHead + "1 cpu=0 pages_free block=b1 cpu=0\n", "3:29: field 'cpu' twice"},
      {kHead + "1 cpu=0 pages_free space=p1\n", "3:20: pages_free has no field 'space'"},
      {kHead + "1 cpu=0 pages_free -> b1\n", "3:20: pages_free has no field '->'"},
      {kHead + "1 cpu=0 pages_alloc order=11 -> b1\n", "3:27: order: 11 is not 0 to 10"},
      {kHead + "1 cpu=0 pages_alloc order=1 order=1 -> b1\n", "3:29: field 'order' twice"},
      {kHead + "1 cpu=0 pages_alloc gfp=wait|big -> b1\n", "3:25: gfp: 'big' is no flag"},
      {kHead + "1 cpu=0 pages_alloc gfp=wait|wait -> b1\n", "3:25: gfp: flag 'wait' twice"},
      {kHead + "1 cpu=0 pages_alloc node=2 -> b1\n", "3:26: node: 2 is not 0 to 1, or any"},
      {kHead + "1 cpu=0 pages_alloc_exact -> b1\n", "3:32: pages_alloc_exact needs 'pages'"},
      {kHead + "1 cpu=0 pages_alloc_exact pages=1025 -> b1\n", "3:33: pages: 1025 is not 1 to 1024"},
      {kHead + "1 cpu=0 memory_load space=p1 width=0\n", "3:36: width: 0 is not 1 to 8"},
      {kHead + "1 cpu=0 memory_load space=p1 at=\n", "3:33: at: '' is no number"},
      {kHead + "1 cpu=0 memory_load space=p1 at=0x\n", "3:33: at: '0x' is no number"},
      {kHead + "1 cpu=0 memory_load space=p1 at=-1\n", "3:33: at: '-1' is no number"},
      {kHead + "1 cpu=0 memory_load space=p1 at=0x10000000000000000\n",
       "3:33: at: '0x10000000000000000' does not fit 64 bits"},
      {kHead + "1 cpu=0 memory_load space=p1 at=a1+\n", "3:33: at: '' is no number"},
      {kHead + "1 cpu=0 range_protect space=p1 prot=rq\n", "3:37: prot: 'rq' is not made of r, w, x, each once"},
      {kHead + "1 cpu=0 range_protect space=p1 prot=\n", "3:37: prot: a protection is rwx or fewer of them, or none"},
      {kHead + "1 cpu=0 slab_shrink pause=zone.take\n", "3:27: pause: 'zone.take' is no pause: POINT#N"},
      {kHead + "1 cpu=0 slab_shrink pause=zone#1\n", "3:27: pause: 'zone' is no point"},
      {kHead + "1 cpu=0 slab_shrink pause=#1\n", "3:27: pause: '' is no point"},
      {kHead + "1 cpu=0 slab_shrink pause=zone.take#0\n", "3:27: pause: 0 is not 1 to 255"},
      {kHead + "1 cpu=0 slab_shrink pause=zone.take#x\n", "3:27: pause: 'x' is no number"},
      {kHead + "1 cpu=0 resume step=1\n", "3:16: resume has no field 'step'"},
  });
}

TEST(Text, EveryMistakeInARecordedAnswerIsNamedWithItsLineAndColumn) {
  expect_mistakes({
      {kHead + "1 cpu=0 fail_next n=1 =\n", "3:24: an answer is missing after ="},
      {kHead + "1 cpu=0 fail_next n=1 = EFOO\n", "3:25: 'EFOO' is no answer: a value, ok or a refusal"},
      {kHead + "1 cpu=0 fail_next n=1 = ok ok\n", "3:28: 'ok' is one word too many"},
      {kHead + "expect ranges none\n", "3:1: there is no step to expect anything of"},
      {kHead + "1 fail_next\nexpect frames\n", "4:8: only ranges can be expected"},
      {kHead + "1 fail_next\nexpect ranges\n", "4:14: a range is missing"},
      {kHead + "1 fail_next\nexpect ranges 0x1000\n",
       "4:15: '0x1000' is no range: START-END:rwx, then letters of snka"},
      {kHead + "1 fail_next\nexpect ranges 0x1000-0x2000:rxw\n",
       "4:30: a protection is rwx, - for each not given"},
      {kHead + "1 fail_next\nexpect ranges 0x1000-0x2000:rwxz\n", "4:32: an attribute is s, n, k or a"},
      {kHead + "1 fail_next\nexpect ranges 0x1000-0x2000:rwx size=1\n",
       "4:33: 'size' is neither file= nor offset="},
      {kHead + "1 fail_next\nexpect ranges 0x1000-0x2000:rwx file=65536\n", "4:38: file: 65536 is not 0 to 65535"},
      {kHead + "1 fail_next\nexpect ranges 0x1000-0x2000:rwx,\n", "4:33: a range is missing"},
      {kHead + "1 fail_next\nexpect ranges none\nexpect ranges none\n", "5:1: a second list of ranges for one step"},
  });
}

TEST(Text, EveryOperationIsReachableByItsName) {
  const MachineDescription machine = find_preset("small")->machine;
  for (std::size_t kind = 0; kind < kOperationKinds; ++kind) {
    Operation blank;
    make_blank(kind, blank);
    EXPECT_EQ(kind_named(name_of(blank)), kind);
    const Parsed<Operation> parsed = parse_operation(kOperationNames[kind], machine);
    // A blank operation reads unless it must name a handle or a count.
    EXPECT_EQ(parsed.ok(), print(blank).find('=', 5) == std::string::npos && in_bounds(blank, machine))
        << kOperationNames[kind];
  }
}

// Converting a trace is reading and printing it.
TEST(Text, AnOldHeadersMachineIsWrittenOutUnderTheNewest) {
  const Parsed<Program> old = parse_program("mmtwin 1\nmachine small cpus=1\n1 cpu=0 space_create -> p1\n");
  ASSERT_TRUE(old.ok());
  const std::string text = print(old.value());
  EXPECT_EQ(text,
            "mmtwin 2\nmachine small cpus=1 batch=4 high=12 top_order=10 flush_batch=64 slab_objects=0\n"
            "1 cpu=0 space_create -> p1\n");
  EXPECT_TRUE(same(parse_program(text).value(), old.value()));
}

TEST(Text, EveryPresetOfEveryHeaderSurvivesTheNewest) {
  for (unsigned header = 1; header <= kNewestHeader; ++header) {
    for (const Preset& preset : presets(header)) {
      const std::string text = "mmtwin " + std::to_string(header) + "\nmachine " + std::string(preset.name) + "\n";
      const Parsed<Program> parsed = parse_program(text);
      ASSERT_TRUE(parsed.ok()) << text;
      EXPECT_EQ(parsed.value().machine, preset.machine) << text;
      EXPECT_EQ(parse_program(print(parsed.value())).value().machine, preset.machine) << text;
    }
  }
}

TEST(Text, APrintedMachineNamesTheNearestPreset) {
  for (const Preset& preset : presets()) EXPECT_EQ(print(preset.machine), preset.name);
  MachineDescription machine = find_preset("numa4")->machine;
  machine.hole[0] = {};
  machine.hole[1] = {Pfn(40), PageCount(2)};
  machine.distance[3] = {30, 25, 21, 10};
  machine.node[0].zones[0] = {};
  const std::string text = print(machine);
  EXPECT_EQ(text, "numa4 node0.dma=none hole0=none hole1=40+2 distance3=30,25,21,10");
  EXPECT_EQ(parse_machine(text).value(), machine);
}

TEST(Text, ANoteStaysWithItsStep) {
  const std::string text =
      "mmtwin 2\nmachine tiny\n"
      "1 cpu=0 pages_alloc -> b1 = 0x3  # line 7\n"
      "2 cpu=0 pages_free block=b1 = assumed  # nobody saw it # twice\n";
  const Parsed<Program> program = parse_program(text);
  ASSERT_TRUE(program.ok()) << print(program.error());
  EXPECT_EQ(program.value().notes.at(1), "line 7");
  EXPECT_EQ(program.value().notes.at(2), "nobody saw it # twice");
  EXPECT_TRUE(program.value().recorded.at(2).is_assumed);
  EXPECT_FALSE(program.value().recorded.at(2).has_response);
  EXPECT_EQ(print(program.value()), text);
}

TEST(Text, ACommentOfNoStepIsNoNote) {
  const Parsed<Program> program =
      parse_program("mmtwin 2 # a\nmachine tiny # b\n# c\n1 cpu=0 pages_alloc -> b1 #\n# d\n");
  ASSERT_TRUE(program.ok());
  EXPECT_TRUE(program.value().notes.empty());
}

}  // namespace
}  // namespace mmtwin
