#include "lockstep/traces/trace.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/lockstep/programs.h"
#include "vocab/kinds.h"

namespace mmtwin::lockstep {
namespace {

namespace fs = std::filesystem;

class TraceFile : public testing::Test {
 protected:
  TraceFile() {
    folder_ = fs::path(testing::TempDir()) / ("mmtwin_trace_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  ~TraceFile() override { fs::remove_all(folder_); }

  static Program program() {
    return program_of("tiny", {"pages_alloc order=2 gfp=wait -> b1", "pages_free block=b1"});
  }
  std::size_t files_in_folder() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  fs::path folder_;
};

TEST_F(TraceFile, AProgramAndItsFooterComeBackAsTheyWere) {
  const Footer footer{.verdict = Verdict::kDiverged,
                      .step = StepNumber(2),
                      .law = "COW-2",
                      .answers = "5f3a00000000beef",
                      .events = "77c1000000000001",
                      .build = "1a2b"};
  ASSERT_EQ(write_trace(folder_ / "a.mmt", program(), &footer), std::nullopt);
  const auto read = read_trace(folder_ / "a.mmt");
  ASSERT_TRUE(std::holds_alternative<Trace>(read)) << std::get<TraceError>(read).print();
  const Trace& trace = std::get<Trace>(read);
  EXPECT_TRUE(same(trace.program, program()));
  ASSERT_TRUE(trace.footer);
  EXPECT_EQ(print_footer(*trace.footer), print_footer(footer));
  EXPECT_EQ(trace.footer->step, StepNumber(2));
  EXPECT_EQ(trace.footer->law, "COW-2");
  EXPECT_EQ(trace.footer->answers, footer.answers);
  EXPECT_EQ(trace.footer->build, "1a2b");
  EXPECT_EQ(files_in_folder(), 1u) << "no unfinished file stays behind";
}

TEST_F(TraceFile, ATraceThatNeverRanHasNoFooter) {
  ASSERT_EQ(write_trace(folder_ / "a.mmt", program()), std::nullopt);
  const auto read = read_trace(folder_ / "a.mmt");
  ASSERT_TRUE(std::holds_alternative<Trace>(read));
  EXPECT_FALSE(std::get<Trace>(read).footer);
}

TEST_F(TraceFile, AFileThatIsNotThereSaysSo) {
  const auto read = read_trace(folder_ / "none.mmt");
  ASSERT_TRUE(std::holds_alternative<TraceError>(read));
  EXPECT_EQ(std::get<TraceError>(read).line, 0u);
  EXPECT_NE(std::get<TraceError>(read).print().find("cannot be read"), std::string::npos);
}

TEST_F(TraceFile, AFolderThatIsNotThereIsAProblem) {
  EXPECT_TRUE(write_trace(folder_ / "no" / "such" / "a.mmt", program()).has_value());
}

TEST_F(TraceFile, AMalformedLineIsNamedWithFileAndLine) {
  std::ofstream(folder_ / "bad.mmt") << "mmtwin 1\nmachine tiny\n1 cpu=0 pages_sing order=1 -> b1\n";
  const auto read = read_trace(folder_ / "bad.mmt");
  ASSERT_TRUE(std::holds_alternative<TraceError>(read));
  EXPECT_EQ(std::get<TraceError>(read).line, 3u);
  EXPECT_NE(std::get<TraceError>(read).print().find("bad.mmt:3:"), std::string::npos);
}

TEST(Footer, AgreementHasNoStep) {
  EXPECT_EQ(print_footer(Footer{}), "# verdict=agreed\n");
  const auto footer = parse_footer("mmtwin 1\n# verdict=agreed  answers=00ff\n");
  ASSERT_TRUE(footer);
  EXPECT_EQ(footer->verdict, Verdict::kAgreed);
  EXPECT_EQ(footer->answers, "00ff");
  EXPECT_EQ(footer->law, "");
}

TEST(Footer, TheLastOneCounts) {
  const auto footer = parse_footer("# verdict=agreed\n# verdict=crashed@7 SIGSEGV\r\n");
  ASSERT_TRUE(footer);
  EXPECT_EQ(footer->verdict, Verdict::kCrashed);
  EXPECT_EQ(footer->step, StepNumber(7));
  EXPECT_EQ(footer->law, "SIGSEGV");
}

TEST(Footer, WhatCannotBeReadIsNone) {
  EXPECT_FALSE(parse_footer("# verdict=perhaps@3\n"));
  EXPECT_FALSE(parse_footer("# verdict=diverged@x\n"));
  EXPECT_FALSE(parse_footer("# verdict=diverged@\n"));
  EXPECT_FALSE(parse_footer(""));
}

TEST(Footer, TheDesignsExampleIsReadWhole) {
  const auto footer = parse_footer("# verdict=diverged@4 COW-2  answers=5f3a  events=77c1(build 1a2b)\n");
  ASSERT_TRUE(footer);
  EXPECT_EQ(footer->step, StepNumber(4));
  EXPECT_EQ(footer->law, "COW-2");
  EXPECT_EQ(footer->answers, "5f3a");
  EXPECT_EQ(footer->events, "77c1");
  EXPECT_EQ(footer->build, "1a2b");
}

}  // namespace
}  // namespace mmtwin::lockstep
