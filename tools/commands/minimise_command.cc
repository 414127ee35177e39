#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>

#include "lockstep/children/guard.h"
#include "lockstep/minimise/minimise.h"
#include "lockstep/minimise/safe_minimise.h"
#include "lockstep/reports/divergence.h"
#include "lockstep/reports/emit_test.h"
#include "lockstep/reports/report.h"
#include "lockstep/traces/recorded_play.h"
#include "lockstep/traces/whole_file.h"
#include "tools/commands/commands.h"
#include "tools/commands/systems.h"
#include "tools/host/files.h"
#include "tools/host/interrupt.h"
#include "vocab/kinds.h"
#include "vocab/wording.h"

namespace mmtwin::tools {
namespace {

using lockstep::Verdict;
using Clock = std::chrono::steady_clock;

// A third of a long budget is enough to see that the original hangs; a short one is all needed.
constexpr double kOriginalShare = 1.0 / 3, kLeastForOriginal = 10;
constexpr double kMostForLastRun = 0.25;  // of the budget: the run that writes the verdict
constexpr double kLeastForCheck = 1;      // seconds, even if the budget is used up

std::string default_output(const std::string& file) {
  if (file == "-") return "-";
  std::string stem = file.ends_with(".mmt") ? file.substr(0, file.size() - 4) : file;
  return stem + ".min.mmt";
}

class Minimisation {
 public:
  Minimisation(lockstep::System& system, const MinimiseOptions& options, const Program& program)
      : options_(options), program_(program), runner_(system),
        output_(options.output.empty() ? default_output(options.file) : options.output) {}

  ExitCode run() {
    for (const auto& [option, name] : {std::pair("--output", output_), std::pair("--emit-test", options_.test_file)}) {
      if (auto problem = output_problem(name)) {
        fmt::print(stderr, "{}: {}\n", option, *problem);
        return ExitCode::kUsage;
      }
    }
    if (const auto code = look_at_original()) return *code;
    result_ = minimise_safely(runner_, program_, original_, how());
    if (!result_.fails) {
      fmt::print(stderr, "{}: it failed, but not when it was run again; nothing was written\n",
                 mentioned(options_.file));
      return ExitCode::kHarness;
    }
    if (auto problem = write()) {
      fmt::print(stderr, "{}\n", *problem);
      return ExitCode::kHarness;
    }
    tell();
    return result_.minimal ? ExitCode::kAgreed : ExitCode::kBudget;
  }

 private:
  double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  double left() const { return options_.seconds - elapsed(); }

  // nullopt: it fails.
  std::optional<ExitCode> look_at_original() {
    lockstep::GuardOptions guard;
    const double share = std::max(options_.seconds * kOriginalShare, std::min(options_.seconds, kLeastForOriginal));
    guard.watchdog_seconds = std::min(guard.watchdog_seconds, share);
    original_ = run_guarded(runner_, program_, guard);
    seconds_of_original_ = elapsed();
    const std::string name = mentioned(options_.file);
    if (!original_.problem.empty()) {
      fmt::print(stderr, "{}: {}\n", name, original_.problem);
      return ExitCode::kHarness;
    }
    if (original_.hung && left() <= 0) {
      fmt::print(stderr, "{}: it did not end within {} s; --seconds gives it longer\n", name, options_.seconds);
      return ExitCode::kBudget;
    }
    if (original_.outcome.verdict != Verdict::kAgreed) return std::nullopt;
    fmt::print(stderr, "{}: it agrees, there is nothing to minimise\n", name);
    return ExitCode::kNothing;
  }

  lockstep::SafeMinimiseOptions how() const {
    lockstep::SafeMinimiseOptions how;
    const double most = options_.seconds * kMostForLastRun;
    how.seconds = std::max(0.0, left() - (original_.hung ? most : std::min(most, 2 * seconds_of_original_)));
    how.is_interrupted = interrupted;
    if (options_.sut == "recorded") {
      how.shows_the_same = [shown = lockstep::what_was_answered(program_, original_.outcome.step.raw())](
                               const Program& candidate, std::uint64_t step) {
        return lockstep::what_was_answered(candidate, step) == shown;
      };
    }
    if (!options_.json) how.log = [](const std::string& line) { fmt::print(stderr, "{}\n", line); };
    return how;
  }

  enum class There { kNothingBetter, kBetter, kUnknown };
  // Whether the output holds a program that fails in the same way in as few operations; then it is in better_. What was
  // minimised is no better than its result.
  There look_at_output() {
    if (output_ == "-" || !std::filesystem::is_regular_file(output_)) return There::kNothingBetter;
    auto read = read_program(output_, Form::kText);
    auto* trace = std::get_if<lockstep::Trace>(&read);
    if (trace == nullptr || trace->program.length() > result_.after) return There::kNothingBetter;
    if (same(trace->program, program_)) return There::kNothingBetter;
    lockstep::GuardOptions guard;
    guard.watchdog_seconds = std::max(left(), kLeastForCheck);
    const lockstep::GuardedOutcome outcome = run_guarded(runner_, trace->program, guard);
    if (outcome.hung && !original_.hung) return There::kUnknown;
    if (signature_of(outcome) != result_.signature) return There::kNothingBetter;
    better_ = std::move(trace->program);
    return There::kBetter;
  }

  std::optional<std::string> write() {
    const There there = look_at_output();
    if (there != There::kBetter) {
      const lockstep::Footer footer = confirm(runner_, result_, original_, output_, left()).footer;
      const std::string text = print_trace(result_.program, &footer);
      if (there == There::kUnknown) {
        const lockstep::CreatedFile created = lockstep::create_file(output_, text);
        if (!created.problem.empty()) return created.problem;
        output_ = created.name.string();
      } else if (auto problem = write_file(output_, text)) {
        return problem;
      }
    }
    if (options_.test_file.empty()) return std::nullopt;
    const std::string name = std::filesystem::path(output_).stem().string();
    return write_file(options_.test_file, emit_test(better_ ? *better_ : result_.program, result_.signature, name));
  }

  void tell() {
    if (options_.json) {
      fmt::print(output_ == "-" ? stderr : stdout, "{}\n",
                 minimise_line(options_.file, result_, output_, better_.has_value()));
      return;
    }
    fmt::print(stderr, "{}: {} to {} in {}, {:.1f} s, {}: {}\n", mentioned(options_.file), result_.before,
               counted(result_.after, "operation"), counted(result_.executions, "execution"), elapsed(),
               result_.minimal ? "minimal" : "perhaps not minimal", result_.signature.print());
    if (better_) {
      fmt::print(stderr, "  {} is kept: it fails so in {} already\n", output_,
                 counted(better_->length(), "operation"));
    }
    fmt::print(stderr, "  replay: {}\n", replay_command(runner_.system(), output_));
    if (result_.after == 0) fmt::print(stderr, "  no operation is needed: boot and tidying up alone show it\n");
  }

  const MinimiseOptions& options_;
  const Program& program_;
  Clock::time_point start_ = Clock::now();
  lockstep::Runner runner_;
  std::string output_;
  lockstep::GuardedOutcome original_;
  double seconds_of_original_ = 0;
  lockstep::Minimised result_;
  std::optional<Program> better_;
};

}  // namespace

ExitCode minimise(const MinimiseOptions& options) { return minimise_on(*make_system(options.sut), options); }

ExitCode minimise_on(lockstep::System& system, const MinimiseOptions& options) {
  catch_interrupts();
  auto read = read_program(options.file, options.bytes ? Form::kBytes : Form::kText);
  if (auto* problem = std::get_if<FileProblem>(&read)) {
    fmt::print(stderr, "{}\n", problem->message);
    return ExitCode::kMalformed;
  }
  return Minimisation(system, options, std::get<lockstep::Trace>(read).program).run();
}

}  // namespace mmtwin::tools
