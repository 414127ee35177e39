// Random mutants of the implementation, some at a time, each decided in the order in which they were drawn.
#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "tools/commands/commands.h"
#include "tools/commands/progress.h"
#include "tools/host/files.h"
#include "tools/host/interrupt.h"
#include "tools/mutants/mutant_choice.h"
#include "tools/mutants/mutant_trial.h"

namespace mmtwin::tools {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string line_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string mutant_line(const Mutant& mutant, const MutantReport* report) {
  Json json = {{"kind", "mutant"},
               {"id", mutant.id},
               {"operator", name_of(mutant.replacement.kind)},
               {"file", mutant.file},
               {"line", mutant.line},
               {"before", mutant.before},
               {"after", mutant.after}};
  if (report != nullptr) {
    json["verdict"] = name_of(report->verdict);
    json["law"] = report->law;
    json["seconds"] = report->seconds;
    json["operations"] = report->operations;
    if (!report->problem.empty()) json["problem"] = report->problem;
  }
  return line_of(json);
}

void print_mutant(const Mutant& mutant, const MutantReport* report) {
  fmt::print("{}\n", mutant.id);
  if (report != nullptr && is_tried(report->verdict))
    fmt::print("  {} {}, {} operations, {:.1f} s\n", name_of(report->verdict), report->law, report->operations,
               report->seconds);
  else if (report != nullptr)
    fmt::print("  {} {}\n", name_of(report->verdict), report->problem);
  fmt::print("  - {}\n  + {}\n", mutant.before, mutant.after);
}

// In a process group of its own, which ends as a whole: with the build or campaign that runs in it.
void become_trial(pid_t parent) {
  ::setpgid(0, 0);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
}

// A report crosses from the process that tried the mutant in a file.
void store_report(const std::string& file, const MutantReport& report) {
  const Json json = {{"verdict", name_of(report.verdict)},
                     {"law", report.law},
                     {"operations", report.operations},
                     {"seconds", report.seconds},
                     {"problem", report.problem}};
  if (write_file(file, line_of(json))) ::_exit(1);
}

MutantReport stored_report(const std::string& file) {
  MutantReport report;
  auto text = read_file(file);
  const auto* line = std::get_if<std::string>(&text);
  const Json json = line != nullptr ? Json::parse(*line, nullptr, false) : Json();
  if (!json.is_object()) {
    report.problem = "the process that tried it left no report";
    return report;
  }
  report.verdict = mutant_verdict_named(json.value("verdict", "")).value_or(MutantVerdict::kFailed);
  report.law = json.value("law", "");
  report.operations = json.value("operations", std::uint64_t{0});
  report.seconds = json.value("seconds", 0.0);
  report.problem = json.value("problem", "");
  return report;
}

class Mutants {
 public:
  Mutants(const MutantsOptions& options, std::vector<Mutant> drawn)
      : options_(options),
        work_(options.work.empty() ? (fs::path(options.source) / "build" / "mutants").string() : options.work),
        drawn_(std::move(drawn)),
        reports_(drawn_.size()),
        trees_(options.jobs),
        progress_(!options.json) {}
  ~Mutants() { end_all(); }

  // Empty: done; else what failed.
  std::string run() {
    if (std::string problem = prepare(); !problem.empty()) return problem;
    do {
      while (start_next()) continue;
      print_decided();
    } while (wait_for_one());
    progress_.clear();
    const bool lacks_some = tried_ < wanted() && next_ < drawn_.size();
    return lacks_some && !interrupted() ? "no process could be started" : "";
  }

  ExitCode sum_up() const;

 private:
  static constexpr std::size_t kClean = ~std::size_t{0};
  struct Tree {
    pid_t pid = 0;  // 0: free
    std::size_t number = kClean;  // of the mutant in it
  };

  std::string folder(std::size_t tree) const { return work_ + "/" + std::to_string(tree + 1); }
  std::string report_file(std::size_t tree) const { return folder(tree) + "/report.json"; }
  TrialOptions trial_options(std::size_t tree) const {
    return {options_.source, folder(tree), options_.seed, options_.operations, options_.seconds};
  }

  // The trees one after another: later ones find what the first compiled in the compiler cache.
  std::string prepare() {
    for (std::size_t tree = 0; tree < trees_.size(); ++tree) {
      progress_.show(fmt::format("building tree {} of {}", tree + 1, trees_.size()));
      std::string problem = MutantTrial(trial_options(tree), options_.jobs).prepare();
      if (!problem.empty()) return problem;
    }
    progress_.show("the tree as it is");
    start(0, [](MutantTrial& trial) { return trial.run_clean(); });
    if (!wait_for_one()) return "interrupted";
    const MutantReport clean = stored_report(report_file(0));
    if (clean.verdict == MutantVerdict::kSurvived) return {};
    return fmt::format("the tree without a mutant does not agree: {} {} {}", name_of(clean.verdict), clean.law,
                       clean.problem);
  }

  template <class Try>
  void start(std::size_t tree, Try&& run) {
    std::error_code ignored;
    fs::remove(report_file(tree), ignored);
    const pid_t parent = ::getpid(), pid = ::fork();
    if (pid == 0) {
      become_trial(parent);
      MutantReport report;
      try {  // nothing of this object may be destroyed here: it would end the other trials
        MutantTrial trial(trial_options(tree), 1);
        report = run(trial);
      } catch (const std::exception& error) {
        report.problem = error.what();
      }
      store_report(report_file(tree), report);
      ::_exit(0);
    }
    trees_[tree].pid = std::max(pid, 0);
  }

  // Only as many as may still be needed, so that which ones are tried does not depend on who is fastest.
  bool start_next() {
    const auto in_flight = static_cast<std::size_t>(
        std::count_if(trees_.begin(), trees_.end(), [](const Tree& tree) { return tree.pid != 0; }));
    if (interrupted() || next_ == drawn_.size() || tried_ + in_flight >= wanted()) return false;
    const auto free = std::find_if(trees_.begin(), trees_.end(), [](const Tree& tree) { return tree.pid == 0; });
    if (free == trees_.end()) return false;
    const Mutant& mutant = drawn_[next_];
    free->number = next_;
    start(static_cast<std::size_t>(free - trees_.begin()), [&](MutantTrial& trial) { return trial.run(mutant); });
    if (free->pid == 0) return false;
    ++next_;
    progress_.show(fmt::format("{} of {} tried, {} survived; {}", tried_, wanted(), survived_, mutant.id));
    return true;
  }
  std::size_t wanted() const { return options_.ids_file.empty() ? options_.count : drawn_.size(); }

  // False: nobody is at work, or the user wants no more.
  bool wait_for_one();
  void ended(Tree& tree);
  void print_decided();
  void end_all();

  const MutantsOptions& options_;
  std::string work_;
  std::vector<Mutant> drawn_;
  std::vector<std::optional<MutantReport>> reports_;
  std::vector<Tree> trees_;
  Progress progress_;
  std::size_t next_ = 0, printed_ = 0;
  std::size_t tried_ = 0, survived_ = 0;
};

bool Mutants::wait_for_one() {
  while (!interrupted()) {
    bool is_any_running = false;
    for (Tree& tree : trees_) {
      if (tree.pid == 0) continue;
      is_any_running = true;
      if (::waitpid(tree.pid, nullptr, WNOHANG) != tree.pid) continue;
      tree.pid = 0;
      if (tree.number != kClean) ended(tree);
      return true;
    }
    if (!is_any_running) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

void Mutants::ended(Tree& tree) {
  const MutantReport report = stored_report(report_file(static_cast<std::size_t>(&tree - trees_.data())));
  tried_ += is_tried(report.verdict);
  survived_ += report.verdict == MutantVerdict::kSurvived;
  reports_[tree.number] = report;
}

// In the order in which they were drawn.
void Mutants::print_decided() {
  for (; printed_ < reports_.size() && reports_[printed_]; ++printed_) {
    progress_.clear();
    if (options_.json)
      fmt::print("{}\n", mutant_line(drawn_[printed_], &*reports_[printed_]));
    else
      print_mutant(drawn_[printed_], &*reports_[printed_]);
    std::fflush(stdout);
  }
}

void Mutants::end_all() {
  for (Tree& tree : trees_) {
    if (tree.pid == 0) continue;
    ::kill(-tree.pid, SIGTERM);
    ::waitpid(tree.pid, nullptr, 0);
    tree.pid = 0;
  }
}

// What was printed counts: after an interrupt the order has a gap where a mutant was not done.
ExitCode Mutants::sum_up() const {
  std::array<std::size_t, kMutantVerdicts> counts{};
  for (std::size_t i = 0; i < printed_; ++i) ++counts[static_cast<std::size_t>(reports_[i]->verdict)];
  const auto count = [&](MutantVerdict verdict) { return counts[static_cast<std::size_t>(verdict)]; };
  using enum MutantVerdict;
  const std::size_t found = count(kJudge) + count(kLaw) + count(kCrash) + count(kHang);
  const std::size_t tried = found + count(kSurvived);
  const double score = tried == 0 ? 0 : static_cast<double>(found) / static_cast<double>(tried);
  if (options_.json) {
    fmt::print("{}\n", line_of({{"kind", "mutants"}, {"seed", options_.seed}, {"tried", tried}, {"found", found},
                                {"judge", count(kJudge)}, {"law", count(kLaw)}, {"crash", count(kCrash)},
                                {"hang", count(kHang)}, {"survived", count(kSurvived)},
                                {"equivalent", count(kEquivalent)}, {"not_built", count(kNotBuilt)},
                                {"failed", count(kFailed)}, {"score", score}, {"interrupted", interrupted()}}));
  } else {
    fmt::print("{} mutants tried: {} found ({:.0f} %), by judge {}, law {}, crash {}, hang {}; {} survived\n"
               "beside them {} that change nothing, {} that do not build, {} that could not be tried\n",
               tried, found, 100 * score, count(kJudge), count(kLaw), count(kCrash), count(kHang), count(kSurvived),
               count(kEquivalent), count(kNotBuilt), count(kFailed));
    for (std::size_t i = 0; i < printed_; ++i) {
      if (reports_[i]->verdict != kSurvived) continue;
      fmt::print("survived {}\n  - {}\n  + {}\n", drawn_[i].id, drawn_[i].before, drawn_[i].after);
    }
  }
  if (count(kFailed) != 0) return ExitCode::kHarness;
  if (interrupted()) return ExitCode::kBudget;
  if (tried == 0) return ExitCode::kNothing;
  return count(kSurvived) == 0 ? ExitCode::kAgreed : ExitCode::kDisagreed;
}

// nullopt: chosen; else the exit code, what is wrong has been said.
std::optional<ExitCode> choose(const MutantsOptions& options, std::vector<Mutant>& drawn) {
  auto all = all_mutants(options.source, options.only);
  const auto problem = [](const FileProblem& what) {
    fmt::print(stderr, "{}\n", what.message);
    return ExitCode::kMalformed;
  };
  if (auto* unread = std::get_if<FileProblem>(&all)) return problem(*unread);
  if (options.ids_file.empty()) {
    drawn = draw(std::get<std::vector<Mutant>>(all), options.seed);
    return std::nullopt;
  }
  auto ids = read_file(options.ids_file);
  if (auto* unread = std::get_if<FileProblem>(&ids)) return problem(*unread);
  auto picked = pick(std::get<std::vector<Mutant>>(all), std::get<std::string>(ids));
  if (auto* unknown = std::get_if<FileProblem>(&picked)) return problem(*unknown);
  drawn = std::move(std::get<std::vector<Mutant>>(picked));
  return std::nullopt;
}

}  // namespace

ExitCode mutants(const MutantsOptions& options) {
  std::vector<Mutant> drawn;
  if (const auto code = choose(options, drawn)) return *code;
  if (options.list) {
    if (options.ids_file.empty()) drawn.resize(std::min<std::size_t>(drawn.size(), options.count));
    for (const Mutant& mutant : drawn) {
      if (options.json)
        fmt::print("{}\n", mutant_line(mutant, nullptr));
      else
        print_mutant(mutant, nullptr);
    }
    return drawn.empty() ? ExitCode::kNothing : ExitCode::kAgreed;
  }
  catch_interrupts();
  Mutants mutants(options, std::move(drawn));
  if (const std::string problem = mutants.run(); !problem.empty()) {
    fmt::print(stderr, "{}\n", problem);
    return interrupted() ? ExitCode::kBudget : ExitCode::kHarness;
  }
  return mutants.sum_up();
}

}  // namespace mmtwin::tools
