// Forks that share one page as often as a page may be shared, and once more.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lockstep/run/run.h"
#include "lockstep/suts/ours/ours.h"
#include "tests/lockstep/programs.h"
#include "vocab/operations.h"

namespace mmtwin::lockstep {
namespace {

// Keeps what each fork answered.
class Forks final : public StepObserver {
 public:
  void on_step(const StepView& step) override {
    if (step.operation == nullptr || step.skip != model::Skip::kNone) return;
    if (std::holds_alternative<SpaceFork>(*step.operation)) answers.push_back(step.response.refusal);
  }
  std::vector<Refusal> answers;
};

std::string fork_of(unsigned parent, unsigned child) {
  return "space_fork space=p" + std::to_string(parent) + " -> p" + std::to_string(child);
}

std::vector<Refusal> answers_of_forks(const Program& program) {
  const auto system = make_ours();
  Runner runner(*system);
  Forks forks;
  RunOptions options;
  options.audit_every = 1;
  options.observer = &forks;
  const RunOutcome outcome = runner.run(program, options);
  EXPECT_EQ(outcome.verdict, Verdict::kAgreed) << print(program);
  return forks.answers;
}

std::vector<std::string> one_stored_page() {
  return {"space_create -> p1", "range_map_anon space=p1 at=0x10000 length=0x2000 prot=rw flags=fixed",
          "memory_load space=p1 at=0x11000", "memory_store space=p1 at=0x10000 value=1"};
}

TEST(ReferenceCap, TheForkThatWouldNeedOneMoreReferenceIsRefused) {
  for (const unsigned cap : {1u, 2u, 3u, 7u}) {
    std::vector<std::string> operations = one_stored_page();
    for (unsigned n = 1; n <= cap + 2; ++n) operations.push_back(fork_of(1, n + 1));
    const Program program = program_of("tiny reference_cap=" + std::to_string(cap), operations);
    std::vector<Refusal> expected(cap - 1, Refusal::kNone);
    expected.insert(expected.end(), 3, Refusal::kNoMemory);
    EXPECT_EQ(answers_of_forks(program), expected) << "reference_cap " << cap;
  }
}

TEST(ReferenceCap, TheSmallMachineReachesItAfterSixtyTwoForks) {
  std::vector<std::string> operations = one_stored_page();
  for (unsigned n = 2; n <= 70; ++n) operations.push_back(fork_of(n % 2 == 0 ? 1 : 2, n));
  std::vector<Refusal> expected(62, Refusal::kNone);
  expected.resize(69, Refusal::kNoMemory);
  EXPECT_EQ(answers_of_forks(program_of("small", operations)), expected);
}

// A copy or an exit gives a reference back, and the next fork may have it.
TEST(ReferenceCap, WhoStopsSharingMakesRoom) {
  std::vector<std::string> operations = one_stored_page();
  for (const char* more : {"space_fork space=p1 -> p2", "space_fork space=p1 -> p3",
                           "memory_store space=p2 at=0x10000 value=2", "space_fork space=p1 -> p3",
                           "space_fork space=p1 -> p4", "space_exit space=p3", "space_fork space=p1 -> p4",
                           "memory_load space=p4 at=0x10000", "memory_load space=p2 at=0x10000"}) {
    operations.emplace_back(more);
  }
  EXPECT_EQ(answers_of_forks(program_of("tiny reference_cap=2", operations)),
            (std::vector<Refusal>{Refusal::kNone, Refusal::kNoMemory, Refusal::kNone, Refusal::kNoMemory,
                                  Refusal::kNone}));
}

// Only the pages of ranges with a family are shared, and the zero page is not counted.
TEST(ReferenceCap, PagesThatWereMerelyReadMayBeSharedForEver) {
  std::vector<std::string> operations = one_stored_page();
  operations.pop_back();
  for (unsigned n = 2; n <= 6; ++n) operations.push_back(fork_of(1, n));
  EXPECT_EQ(answers_of_forks(program_of("tiny reference_cap=1", operations)),
            std::vector<Refusal>(5, Refusal::kNone));
}

TEST(ReferenceCap, ARefusedForkRepeatedLosesNoFrame) {
  std::vector<std::string> operations = one_stored_page();
  operations.emplace_back("memory_store space=p1 at=0x11000 value=1");
  operations.insert(operations.end(), 500, fork_of(1, 2));
  EXPECT_EQ(answers_of_forks(program_of("tiny reference_cap=1", operations)),
            std::vector<Refusal>(500, Refusal::kNoMemory));
}

// Want of memory may come first: then that is the answer, at whichever request it comes.
TEST(ReferenceCap, WhicheverRefusalComesFirstIsTheAnswer) {
  for (unsigned n = 1; n <= 14; ++n) {
    std::vector<std::string> operations = one_stored_page();
    operations.push_back("fail_next n=" + std::to_string(n));
    operations.push_back(fork_of(1, 2));
    const std::vector<Refusal> answers = answers_of_forks(program_of("tiny reference_cap=1", operations));
    // Space, root, range, family links, three tables: nine requests before the page's turn.
    EXPECT_EQ(answers, std::vector<Refusal>(1, n <= 9 ? Refusal::kOom : Refusal::kNoMemory)) << n;
  }
}

}  // namespace
}  // namespace mmtwin::lockstep
