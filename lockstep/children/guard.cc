#include "lockstep/children/guard.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "lockstep/children/child_process.h"
#include "vocab/text.h"

namespace mmtwin::lockstep {

namespace {

// A boot and a full audit of 2^28 frames take some 100 ns a frame; sanitizers are ten times slower, and the rest is for
// slow hosts. An operation takes microseconds.
constexpr double kSecondsAFrame = 4e-6;
constexpr double kSecondsAnOperation = 1e-3;

using nlohmann::json;

json to_json(const RunOutcome& outcome) {
  json line = {{"verdict", outcome.verdict},   {"phase", outcome.phase},     {"step", outcome.step.raw()},
               {"hole", outcome.marking_hole}, {"executed", outcome.executed}, {"skipped", outcome.skipped},
               {"items", outcome.items},       {"audits", outcome.audits},   {"answers", outcome.answers},
               {"events", outcome.events}};
  if (!outcome.operation.empty()) {
    line["operation"] = outcome.operation;
    line["name"] = outcome.operation_name;
  }
  if (!outcome.how.empty()) line["how"] = outcome.how;
  if (outcome.finding) {
    line["law"] = outcome.finding->law;
    line["field"] = outcome.finding->field;
    line["expected"] = outcome.finding->expected;
    line["actual"] = outcome.finding->actual;
  }
  return line;
}

RunOutcome from_json(const json& line) {
  RunOutcome outcome;
  outcome.verdict = line.at("verdict");
  outcome.phase = line.at("phase");
  outcome.step = StepNumber(line.at("step").get<std::uint64_t>());
  outcome.marking_hole = line.at("hole");
  outcome.executed = line.at("executed");
  outcome.skipped = line.at("skipped");
  outcome.items = line.at("items");
  outcome.audits = line.at("audits");
  outcome.answers = line.at("answers");
  outcome.events = line.at("events");
  if (line.contains("operation")) {
    outcome.operation = line.at("operation");
    outcome.operation_name = kept(line.at("name"));
  }
  if (line.contains("how")) outcome.how = line.at("how");
  if (line.contains("law")) {
    outcome.finding = model::Finding{line.at("law").get<model::Law>(), kept(line.at("field")), line.at("expected"),
                                     line.at("actual")};
  }
  return outcome;
}

class SharedStep {
 public:
  SharedStep() {
    void* memory = mmap(nullptr, sizeof(Word), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) word_ = new (memory) Word(0);
  }
  ~SharedStep() {
    if (word_) munmap(word_, sizeof(Word));
  }
  SharedStep(const SharedStep&) = delete;
  SharedStep& operator=(const SharedStep&) = delete;
  using Word = std::atomic<std::uint64_t>;
  Word* word() const { return word_; }

 private:
  Word* word_ = nullptr;
};

void write_all(int fd, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    done += static_cast<std::size_t>(n);
  }
}

json run_here(Runner& runner, const Program& program, const RunOptions& options) {
  const model::LawCounts before = runner.model().exercised();
  json line = to_json(runner.run(program, options));
  model::LawCounts exercised = runner.model().exercised();
  for (unsigned law = 0; law < model::kLawCount; ++law) exercised[law] -= before[law];
  line["exercised"] = exercised;
  return line;
}

// Nothing is thrown out of here: the parent's code must not go on in a child as well.
[[noreturn]] void run_as_child(Runner& runner, const Program& program, const RunOptions& options, int fd) noexcept {
  json line;
  try {
    line = run_here(runner, program, options);
  } catch (const std::bad_alloc&) {
    line = {{"problem", "there is not enough memory for the run"}};
  }
  std::fflush(nullptr);
  // Bytes from a system under test may stand in a finding, so no text may be refused for its encoding.
  write_all(fd, line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
  _exit(0);
}

enum class Wait { kOver, kHung, kCancelled };

// Everything the child writes until it closes its end.
Wait read_until(int fd, pid_t child, double seconds, const std::function<bool()>& is_cancelled, std::string& into) {
  constexpr int kMilliseconds = 10;
  ChildWatch watch(child);
  char buffer[4096];
  for (;;) {
    pollfd wait{fd, POLLIN, 0};
    const int ready = poll(&wait, 1, kMilliseconds);
    if (is_cancelled && is_cancelled()) return Wait::kCancelled;
    if (ready <= 0 && watch.is_over(seconds)) return Wait::kHung;
    if (ready <= 0) continue;
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Wait::kOver;
    into.append(buffer, static_cast<std::size_t>(n));
  }
}

void note_death(GuardedOutcome& result, int status, std::uint64_t step, const Program& program) {
  RunOutcome& outcome = result.outcome;
  outcome.verdict = Verdict::kCrashed;
  outcome.step = StepNumber(step);
  outcome.phase = step == 0 ? Phase::kBoot : step > program.length() ? Phase::kRest : Phase::kEvents;
  if (outcome.phase == Phase::kEvents) outcome.set_operation(program.at(StepNumber(step)));
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  if (WIFEXITED(status)) result.exit_status = WEXITSTATUS(status);
}

GuardedOutcome run_child(Runner& runner, const Program& program, const GuardOptions& options) {
  GuardedOutcome result;
  const SharedStep step;
  int ends[2];
  if (!step.word() || pipe2(ends, O_CLOEXEC) != 0) {
    result.problem = std::string("no memory or pipe for a child: ") + std::strerror(errno);
    return result;
  }
  std::fflush(nullptr);
  const pid_t child = fork_child();
  if (child == 0) {
    close(ends[0]);
    RunOptions run = options.run;
    run.progress = step.word();
    run_as_child(runner, program, run, ends[1]);
  }
  const int error = errno;
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    result.problem = std::string("cannot fork: ") + std::strerror(error);
    return result;
  }
  std::string line;
  const double seconds = most_seconds(program, options.watchdog_seconds);
  const Wait wait = read_until(ends[0], child, seconds, options.is_cancelled, line);
  close(ends[0]);
  if (wait != Wait::kOver) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  result.hung = wait == Wait::kHung;
  const json parsed = json::parse(line, nullptr, false);
  if (wait == Wait::kCancelled) {
    result.problem = "it was interrupted";
  } else if (line.ends_with('\n') && parsed.is_object() && !result.hung) {
    if (parsed.contains("problem")) {
      result.problem = parsed.at("problem");
    } else {
      result.outcome = from_json(parsed);
      result.exercised = parsed.at("exercised");
    }
  } else if (!result.hung && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
    result.problem = "the run was killed from outside, perhaps for want of memory";
  } else {
    note_death(result, status, step.word()->load(), program);
  }
  return result;
}

std::string name_of_signal(int signal) {
  const char* name = sigabbrev_np(signal);
  return name ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

}  // namespace

std::string_view kept(const std::string& text) {
  static std::set<std::string> all;
  return *all.insert(text).first;
}

double most_seconds(const Program& program, double given) {
  return given + static_cast<double>(program.machine.frame_limit()) * kSecondsAFrame +
         static_cast<double>(program.length()) * kSecondsAnOperation;
}

std::string GuardedOutcome::how() const {
  if (outcome.verdict != Verdict::kCrashed || !outcome.how.empty()) return outcome.how;
  if (hung) return "hang";
  return signal != 0 ? name_of_signal(signal) : "exit " + std::to_string(exit_status);
}

GuardedOutcome run_guarded(Runner& runner, const Program& program, const GuardOptions& options) {
  if (!options.trace.empty()) {
    if (auto problem = write_trace(options.trace, program)) {
      GuardedOutcome result;
      result.problem = std::move(*problem);
      return result;
    }
  }
  GuardedOutcome result = run_child(runner, program, options);
  if (!options.trace.empty() && result.problem.empty()) {
    const Footer footer = footer_of(result, options.run.digests);
    if (auto problem = write_trace(options.trace, program, &footer)) result.problem = std::move(*problem);
  }
  return result;
}

std::optional<Signature> signature_of(const GuardedOutcome& outcome) {
  if (!outcome.problem.empty()) return std::nullopt;
  if (outcome.outcome.verdict == Verdict::kCrashed) return crash_signature(outcome.outcome, outcome.how());
  return signature_of(outcome.outcome);
}

Footer footer_of(const GuardedOutcome& outcome, bool has_digests) {
  const bool crashed = outcome.outcome.verdict == Verdict::kCrashed;
  Footer footer = footer_of(outcome.outcome, has_digests && !crashed);
  if (crashed) footer.law = outcome.how();
  return footer;
}

}  // namespace mmtwin::lockstep
