#include <fmt/core.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lockstep/traces/trace.h"
#include "tools/bugs/bug_build.h"
#include "tools/bugs/bug_patch.h"
#include "tools/commands/commands.h"
#include "tools/commands/ending.h"
#include "tools/host/interrupt.h"
#include "tools/host/subprocess.h"
#include "tools/reports/json_lines.h"
#include "vocab/wording.h"

namespace mmtwin::tools {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr unsigned kLongProgram = 2000;  // operations

struct CampaignAnswer {
  bool has_answered = false;
  std::string trace;  // of what it found; empty: nothing
  std::uint64_t before = 0, after = 0;
  double minimise_seconds = 0;
};

// The campaign's own words about itself: one JSON object a line.
void read_campaign(const std::string& text, BugReport& report, CampaignAnswer& answer) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    json object = json::parse(line, nullptr, false);
    if (!object.is_object()) continue;
    if (object.value("kind", "") == "campaign") {
      report.operations = object.value("operations", std::uint64_t{0});
      report.seconds = object.value("seconds", 0.0);
      auto found = object.find("divergences");
      if (found != object.end() && !found->empty()) answer.trace = found->at(0);
    } else if (object.value("kind", "") == "finding") {
      answer.before = object.value("before", std::uint64_t{0});
      answer.after = object.value("operations", std::uint64_t{0});
      answer.minimise_seconds = object.value("seconds", 0.0);
    } else if (object.value("kind", "") == "markers") {
      report.reached = object.value("reached", std::uint64_t{0});
      report.triggered = object.value("triggered", std::uint64_t{0});
    }
  }
}

// Asserts are off: judge and laws find, or the system under test does not survive its bug, which is told apart.
void judge(const std::string& trace_file, BugReport& report) {
  auto read = lockstep::read_trace(trace_file);
  const auto* trace = std::get_if<lockstep::Trace>(&read);
  if (!trace || !trace->footer) {
    report.problem = "the finding is not reproducible: " + trace_file;
    return;
  }
  report.minimised = trace->program.length();
  report.law = trace->footer->law;
  report.detector = detector_of(trace->footer->verdict);
  report.detected = !report.detector.empty();
  if (!report.detected) report.problem = "the finding is not reproducible: " + trace_file;
}

std::string absolute(const std::string& file) { return fs::absolute(file).string(); }

// The stored trace must fail with the bug in.
bool stored_trace_fails(const BugBuild& build, const BugPatch& bug, const std::string& work) {
  Command command{.words = {absolute(build.program()), "replay", "--no-asserts", "--expect-verdict", "failed",
                            absolute(bug.trace_file)},
                  .output_file = absolute(work + "/replay.log")};
  return run_command(command).succeeded();
}

CampaignAnswer campaign_of(const BugsOptions& options, const BugBuild& build, const std::string& work,
                           unsigned operations, BugReport& report) {
  std::string output = work + "/campaign.json", findings = work + "/findings/" + report.id;
  std::error_code ignored;
  fs::remove_all(findings, ignored);
  Command command{.words = {absolute(build.program()), "fuzz", "--no-asserts", "--json", "--seconds",
                            fmt::format("{}", options.seconds), "--seed", std::to_string(options.seed),
                            "--operations", std::to_string(operations), "--output", absolute(findings)},
                  .output_file = absolute(output),
                  .error_file = absolute(work + "/campaign.log"),
                  .seconds = options.seconds + 300};
  if (!options.machine.empty()) command.words.insert(command.words.end(), {"--machine", options.machine});
  CommandResult result = run_command(command);
  CampaignAnswer answer;
  answer.has_answered = result.has_started && !result.timed_out && result.signal == 0 && result.status <= 1;
  if (!answer.has_answered) {
    report.problem = "the campaign failed; see " + work + "/campaign.log";
    return answer;
  }
  auto text = read_file(output);
  if (const auto* lines = std::get_if<std::string>(&text)) read_campaign(*lines, report, answer);
  return answer;
}

// Short programs find it; a long one shows how far the minimiser gets.
void run_campaigns(const BugsOptions& options, const BugBuild& build, const std::string& work, BugReport& report) {
  constexpr unsigned kShortProgram = 64;
  const CampaignAnswer found = campaign_of(options, build, work, kShortProgram, report);
  if (!found.trace.empty()) judge(found.trace, report);
  if (!report.detected) return;
  BugReport unused;
  const CampaignAnswer shortened = campaign_of(options, build, work, kLongProgram, unused);
  report.problem = unused.problem;
  if (shortened.trace.empty()) return;
  report.long_before = shortened.before;
  report.long_minimised = shortened.after;
  report.long_seconds = shortened.minimise_seconds;
}

BugReport try_bug(const BugsOptions& options, const BugPatch& bug, const std::string& work) {
  BugReport report;
  report.id = bug.id;
  report.source = bug.source;
  report.law_expected = bug.law;
  report.family = bug.family;
  report.operations_needed = bug.operations;
  BugBuild build(options.source, work);
  report.problem = build.build(bug);
  if (!report.problem.empty()) return report;
  if (!bug.trace_file.empty() && !stored_trace_fails(build, bug, work)) {
    report.problem = "the stored trace agrees with the bug in: " + bug.trace_file;
    return report;
  }
  if (options.seconds > 0) run_campaigns(options, build, work, report);
  return report;
}

void print_report(const BugReport& report) {
  if (!report.problem.empty()) {
    fmt::print("{:28} {}\n", report.id, report.problem);
    return;
  }
  fmt::print("{:28} reached {:7} triggered {:7} {:12} {:10} {:>6.1f} s {:>8} operations, minimised to {:>2}; "
             "{} to {:>2} in {:.1f} s\n", report.id, report.reached, report.triggered,
             report.detected ? "by " + report.detector : (report.detector.empty() ? "not detected" : report.detector),
             report.law, report.seconds, report.operations, report.minimised, report.long_before,
             report.long_minimised, report.long_seconds);
}

void print_bug(const BugPatch& bug, bool as_json) {
  if (as_json) {
    nlohmann::ordered_json line = {{"kind", "bug"},          {"id", bug.id},         {"source", bug.source},
                                   {"expected", bug.law},    {"family", bug.family}, {"needed", bug.operations},
                                   {"trace", bug.trace_file}};
    fmt::print("{}\n", line.dump(-1, ' ', false, json::error_handler_t::replace));
  } else {
    fmt::print("{:28} {:11} {:10} {:3} operations, {}\n", bug.id, bug.law, bug.family, bug.operations, bug.source);
  }
}

void count(const BugReport& report, BugCounts& counts) {
  ++counts.tried;
  counts.failed += !report.problem.empty();
  if (!report.detected) return;
  ++(report.detector == "judge" ? counts.judge : report.detector == "law" ? counts.law : counts.crash);
}

Ending ending_of(const BugCounts& counts, const BugsOptions& options) {
  if (counts.bugs == 0) return {"nothing", ExitCode::kNothing};
  if (counts.failed != 0) return {"failed", ExitCode::kHarness};
  const bool are_all_found = options.seconds <= 0 || counts.detected() == counts.tried;
  if (!are_all_found) return {"undetected", ExitCode::kDisagreed};
  if (interrupted()) return {"interrupted", ExitCode::kBudget};
  return {"agreed", ExitCode::kAgreed};
}

}  // namespace

ExitCode bugs(const BugsOptions& options) {
  auto read = read_bugs((fs::path(options.source) / "corpora" / "bugs").string());
  if (auto* problem = std::get_if<FileProblem>(&read)) {
    fmt::print(stderr, "{}\n", problem->message);
    return ExitCode::kMalformed;
  }
  auto& all = std::get<std::vector<BugPatch>>(read);
  if (options.action == "list") {
    for (const BugPatch& bug : all) print_bug(bug, options.json);
    return all.empty() ? ExitCode::kNothing : ExitCode::kAgreed;
  }
  if (options.action == "run") {
    std::erase_if(all, [&](const BugPatch& bug) { return bug.id != options.id; });
    if (all.empty()) {
      fmt::print(stderr, "there is no bug {}; `mmtwin bugs list` names them\n", in_quotes(options.id));
      return ExitCode::kUsage;
    }
  }
  std::string work = options.work.empty() ? (fs::path(options.source) / "build" / "bugs").string() : options.work;
  catch_interrupts();
  BugCounts counts;
  counts.bugs = all.size();
  for (const BugPatch& bug : all) {
    if (interrupted()) break;
    const BugReport report = try_bug(options, bug, work);
    if (interrupted() && !report.detected) break;  // it was not given its time
    count(report, counts);
    if (options.json) {
      fmt::print("{}\n", bug_line(report));
    } else {
      print_report(report);
    }
    std::fflush(stdout);
  }
  const Ending ending = ending_of(counts, options);
  if (options.json) {
    fmt::print("{}\n", bugs_line(counts, ending.verdict));
  } else {
    fmt::print("{} of {} detected: {} by judge, {} by law, {} by crash\n{}", counts.detected(), counts.tried,
               counts.judge, counts.law, counts.crash, in_words(ending));
  }
  return ending.code;
}

}  // namespace mmtwin::tools
