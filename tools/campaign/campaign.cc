#include "tools/campaign/campaign.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <new>
#include <thread>

#include "lockstep/children/child_process.h"
#include "lockstep/children/guard.h"
#include "lockstep/generate/draw_machine.h"
#include "lockstep/random.h"
#include "tools/host/interrupt.h"

namespace mmtwin::tools {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kTextBytes = 512;
constexpr int kFoundStatus = 1;
constexpr int kNoMemoryStatus = 2;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// What a worker tells its parent, in memory that both see. The parent reads sums while the worker runs: a torn sum is
// good enough for a progress line, and at the end the worker is gone.
struct Slot {
  std::atomic<std::uint64_t> number{0};  // of the program it runs
  std::uint64_t executions = 0, operations = 0, items = 0, gave_up = 0;
  std::array<std::uint64_t, model::kSkipReasons> skipped{};
  model::LawCounts exercised{};
  MarkerCounts markers;
  std::atomic<bool> has_found{false};
  // The finding, once has_found.
  lockstep::Verdict verdict{};
  lockstep::Phase phase{};
  std::uint64_t step = 0;
  model::Law law{};
  char field[kTextBytes] = {}, expected[kTextBytes] = {}, actual[kTextBytes] = {};
  char how[kTextBytes] = {};  // the system ended; empty: there is a law
};

void copy_text(char (&into)[kTextBytes], std::string_view text) {
  std::size_t length = std::min(text.size(), kTextBytes - 1);
  std::memcpy(into, text.data(), length);
  into[length] = '\0';
}

class Slots {
 public:
  explicit Slots(unsigned count) : count_(count) {
    void* memory = ::mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    slots_ = static_cast<Slot*>(memory);
    for (unsigned i = 0; i < count; ++i) new (&slots_[i]) Slot;
  }
  ~Slots() { ::munmap(slots_, bytes()); }
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;
  Slot& operator[](unsigned i) { return slots_[i]; }
  unsigned size() const { return count_; }

 private:
  std::size_t bytes() const { return sizeof(Slot) * count_; }
  unsigned count_;
  Slot* slots_ = nullptr;
};

void note_run(Slot& slot, const lockstep::Runner& runner, const lockstep::RunOutcome& outcome) {
  ++slot.executions;
  slot.operations += outcome.executed;
  slot.items += outcome.items;
  slot.gave_up += outcome.gave_up ? 1 : 0;
  for (unsigned i = 0; i < model::kSkipReasons; ++i) slot.skipped[i] += outcome.skipped[i];
  slot.exercised = runner.model().exercised();
}

void note_finding(Slot& slot, const lockstep::RunOutcome& outcome) {
  slot.verdict = outcome.verdict;
  slot.phase = outcome.phase;
  slot.step = outcome.step.raw();
  copy_text(slot.how, outcome.how);
  if (outcome.finding) {
    slot.law = outcome.finding->law;
    copy_text(slot.field, outcome.finding->field);
    copy_text(slot.expected, outcome.finding->expected);
    copy_text(slot.actual, outcome.finding->actual);
  }
  slot.has_found = true;
}

// Runs programs job, job + jobs, …; true: the last one found something.
bool run_programs(const CampaignOptions& options, unsigned job, Slot& slot) {
  count_markers_in(&slot.markers);
  auto system = options.make_system();
  lockstep::Runner runner(*system);
  Clock::time_point start = Clock::now();
  for (std::uint64_t number = job; options.executions == 0 || number < options.executions; number += options.jobs) {
    if (seconds_since(start) >= options.seconds) break;
    slot.number.store(number, std::memory_order_relaxed);
    lockstep::RunOutcome outcome = runner.run(campaign_program(options, number));
    note_run(slot, runner, outcome);
    if (outcome.verdict == lockstep::Verdict::kAgreed) continue;
    note_finding(slot, outcome);
    return true;
  }
  return false;
}

// The process ends here. Nothing is thrown out of it: the parent's code must not go on in a worker as well.
[[noreturn]] void work(const CampaignOptions& options, unsigned job, Slot& slot) noexcept {
  try {
    ::_exit(run_programs(options, job, slot) ? kFoundStatus : 0);
  } catch (const std::bad_alloc&) {
    ::_exit(kNoMemoryStatus);
  }
}

struct Worker {
  explicit Worker(pid_t process) : pid(process), watch(process) {}
  pid_t pid = 0;  // 0: has ended
  std::uint64_t last_number = 0;
  lockstep::ChildWatch watch;
  std::optional<double> most_seconds;  // for its program, once it is asked for
};

class Campaign {
 public:
  explicit Campaign(const CampaignOptions& options) : options_(options), slots_(options.jobs) {}
  ~Campaign() { end_all(); }

  CampaignResult run(const std::function<void(const lockstep::CampaignTotals&)>& on_progress) {
    start_ = Clock::now();
    for (unsigned job = 0; job < options_.jobs && result_.problem.empty(); ++job) start_worker(job);
    while (result_.problem.empty() && !result_.finding && is_any_running() && !interrupted()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      for (unsigned job = 0; job < workers_.size() && !result_.finding; ++job) look_after(job);
      sum_up();
      if (on_progress) on_progress(result_.totals);
    }
    result_.was_interrupted = interrupted();
    end_all();
    for (unsigned job = 0; job < workers_.size() && !result_.finding; ++job) {
      if (slots_[job].has_found) found(job);
    }
    sum_up();
    return std::move(result_);
  }

 private:
  void start_worker(unsigned job) {
    pid_t pid = lockstep::fork_child();
    if (pid == 0) work(options_, job, slots_[job]);
    if (pid < 0) {
      result_.problem = std::string("cannot start a worker: ") + std::strerror(errno);
      return;
    }
    workers_.emplace_back(pid);
  }

  bool is_any_running() const {
    return std::any_of(workers_.begin(), workers_.end(), [](const Worker& worker) { return worker.pid != 0; });
  }

  void look_after(unsigned job) {
    Worker& worker = workers_[job];
    if (worker.pid == 0) return;
    int status = 0;
    if (::waitpid(worker.pid, &status, WNOHANG) == worker.pid) {
      worker.pid = 0;
      return ended(job, status);
    }
    std::uint64_t number = slots_[job].number.load(std::memory_order_relaxed);
    if (number != worker.last_number) {
      worker.last_number = number;
      worker.watch.got_further();
      worker.most_seconds.reset();
    } else if (worker.watch.is_over(options_.hang_seconds) && worker.watch.is_over(most_seconds(worker))) {
      end(worker);
      ended_early(job, "hang");
    }
  }

  double most_seconds(Worker& worker) {
    if (!worker.most_seconds)
      worker.most_seconds =
          lockstep::most_seconds(campaign_program(options_, worker.last_number), options_.hang_seconds);
    return *worker.most_seconds;
  }

  void ended(unsigned job, int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    if (slots_[job].has_found) return found(job);
    if (WIFSIGNALED(status)) return ended_early(job, std::string("SIG") + ::sigabbrev_np(WTERMSIG(status)));
    if (WEXITSTATUS(status) == kNoMemoryStatus) return ended_early(job, "want of memory");
    ended_early(job, "exit " + std::to_string(WEXITSTATUS(status)));
  }

  void found(unsigned job) {
    const Slot& slot = slots_[job];
    CampaignFinding finding;
    finding.program = campaign_program(options_, slot.number);
    finding.outcome.verdict = slot.verdict;
    finding.outcome.phase = slot.phase;
    finding.outcome.step = StepNumber(slot.step);
    finding.how = finding.outcome.how = slot.how;
    if (finding.how.empty())
      finding.outcome.finding = model::Finding{slot.law, lockstep::kept(slot.field), slot.expected, slot.actual};
    if (slot.step >= 1 && slot.step <= finding.program.length())
      finding.outcome.set_operation(finding.program.at(StepNumber(slot.step)));
    result_.finding = std::move(finding);
  }

  // The worker died or hung: is it the program, or was it the world around?
  void ended_early(unsigned job, std::string how) {
    const std::uint64_t number = slots_[job].number;
    Program program = campaign_program(options_, number);
    auto system = options_.make_system();
    lockstep::Runner runner(*system);
    lockstep::GuardOptions guard;
    guard.watchdog_seconds = options_.hang_seconds;
    guard.is_cancelled = interrupted;
    lockstep::GuardedOutcome replayed = run_guarded(runner, program, guard);
    if (replayed.problem.empty() && replayed.outcome.verdict != lockstep::Verdict::kAgreed) {
      std::string shown = replayed.how();
      result_.finding = CampaignFinding{std::move(program), std::move(replayed.outcome), std::move(shown)};
      return;
    }
    std::string why = replayed.problem.empty() ? "it replays as agreed" : "no replay says why: " + replayed.problem;
    result_.unexplained.push_back({std::move(program), number, std::move(how), std::move(why)});
  }

  static void end(Worker& worker) {
    if (worker.pid == 0) return;
    lockstep::end_child(worker.pid);
    worker.pid = 0;
  }
  void end_all() {
    for (Worker& worker : workers_) end(worker);
  }

  void sum_up() {
    lockstep::CampaignTotals totals;
    totals.seed = options_.generate.seed;
    totals.seconds = seconds_since(start_);
    result_.skipped = {};
    result_.exercised = {};
    result_.markers = {};
    for (unsigned job = 0; job < slots_.size(); ++job) {
      const Slot& slot = slots_[job];
      totals.executions += slot.executions;
      totals.operations += slot.operations;
      totals.items += slot.items;
      totals.gave_up += slot.gave_up;
      for (unsigned i = 0; i < model::kSkipReasons; ++i) result_.skipped[i] += slot.skipped[i];
      for (unsigned i = 0; i < model::kLawCount; ++i) result_.exercised[i] += slot.exercised[i];
      result_.markers.reached += slot.markers.reached;
      result_.markers.triggered += slot.markers.triggered;
    }
    for (std::uint64_t skipped : result_.skipped) totals.skipped += skipped;
    result_.totals = std::move(totals);
  }

  const CampaignOptions& options_;
  Slots slots_;
  std::vector<Worker> workers_;
  Clock::time_point start_;
  CampaignResult result_;
};

}  // namespace

Program campaign_program(const CampaignOptions& options, std::uint64_t number) {
  if (number < options.first.size()) return options.first[number];
  lockstep::GenerateOptions how = options.generate;
  // Neighbouring campaigns must not share programs: the number is mixed in, not added.
  const std::uint64_t campaign = lockstep::Random(options.generate.seed).next();
  how.seed = campaign ^ lockstep::Random(number).next();
  if (options.draws_machines) {
    lockstep::Random source(~campaign ^ lockstep::Random(number / lockstep::kProgramsPerMachine).next());
    how.machine = lockstep::draw_machine(source);
  }
  return lockstep::generate(how);
}

CampaignResult run_campaign(const CampaignOptions& options,
                            const std::function<void(const lockstep::CampaignTotals&)>& on_progress) {
  return Campaign(options).run(on_progress);
}

}  // namespace mmtwin::tools
