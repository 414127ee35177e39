// The command line of `mmtwin`: words to options, and every mistake in them to exit code 2 with one line.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "lockstep/trace.h"
#include "tools/commands.h"
#include "vocab/text.h"

namespace mmtwin::tools {
namespace {

using Action = std::function<ExitCode()>;
constexpr double kMostSeconds = 1e7;

CLI::App* command(CLI::App& app, const std::string& name, const std::string& what, Action& chosen,
                  const Action& action) {
  CLI::App* sub = app.add_subcommand(name, what);
  sub->callback([&chosen, action] { chosen = action; });
  return sub;
}

void add_seconds(CLI::App* sub, const std::string& names, double& seconds, const std::string& what) {
  // Written so that NaN, which is in no range, is out of this one too.
  auto is_in_range = [](const std::string& word) {
    const double given = std::strtod(word.c_str(), nullptr);
    return given >= 0 && given <= kMostSeconds ? std::string()
                                               : fmt::format("{} is not 0 to {:.0f}", word, kMostSeconds);
  };
  sub->add_option(names, seconds, what)
      ->check(CLI::Range(0.0, kMostSeconds))
      ->check(is_in_range, "")
      ->capture_default_str();
}

void add_replay(CLI::App& app, ReplayOptions& o, Action& chosen) {
  CLI::App* sub = command(app, "replay", "Run traces in lockstep and judge them", chosen, [&o] { return replay(o); });
  sub->add_option("FILE", o.files, "Traces; - is standard input")->required();
  sub->add_option("--sut", o.sut, "Who is judged: our system, or what a real kernel answered")
      ->check(CLI::IsMember({"ours", "recorded"}))
      ->capture_default_str();
  sub->add_option("--expect-verdict", o.expect_verdict, "Succeed only if the run ends so")
      ->check(CLI::IsMember({"agreed", "diverged", "violated", "crashed", "failed"}));
  sub->add_flag("--strict", o.strict, "A mismatch with recorded answers is a disagreement");
  sub->add_flag("--bytes", o.bytes, "The files are byte programs, as fuzzing engines store them");
  sub->add_flag("--no-asserts", o.no_asserts, "The implementation's own asserts do not abort");
  add_seconds(sub, "--watchdog", o.watchdog_seconds, "Seconds after which a run hangs");
  sub->add_flag("--json", o.json, "JSON Lines");
}

void add_minimise(CLI::App& app, MinimiseOptions& o, Action& chosen) {
  CLI::App* sub = command(app, "minimise", "Make a failing trace short", chosen, [&o] { return minimise(o); });
  sub->add_option("FILE", o.file, "A trace that fails")->required();
  add_seconds(sub, "--seconds", o.seconds, "Budget");
  sub->add_option("-o,--output", o.output, "Where the result goes (default: FILE with .min.mmt)");
  sub->add_option("--emit-test", o.test_file, "Also write a GoogleTest of the result there");
  sub->add_flag("--bytes", o.bytes, "FILE is a byte program");
  sub->add_flag("--json", o.json, "JSON Lines");
}

void add_explain(CLI::App& app, ExplainOptions& o, Action& chosen) {
  CLI::App* sub =
      command(app, "explain", "Tell what happens in a trace, step by step", chosen, [&o] { return explain(o); });
  sub->add_option("FILE", o.file, "A trace")->required();
  sub->add_option("--from", o.first_step, "First step to tell");
  sub->add_option("--to", o.last_step, "Last step to tell");
  sub->add_flag("!--no-events", o.with_events, "Answers only");
  sub->add_flag("--bytes", o.bytes, "FILE is a byte program");
  sub->add_flag("--json", o.json, "Only the outcome, as JSON Lines");
}

void add_explore(CLI::App& app, ExploreCommandOptions& o, Action& chosen) {
  CLI::App* sub = command(app, "explore", "Run every schedule of operations in flight together", chosen,
                          [&o] { return explore(o); });
  sub->add_option("TRACE", o.file, "A trace (default: all pairs on a page that two spaces share)");
  sub->add_option("--from", o.first, "The steps from here on are in flight together");
  sub->add_option("--runs", o.most_runs, "At most, of one program")->capture_default_str();
  sub->add_flag("!--all", o.prunes, "Also schedules that come to the same as others");
  sub->add_flag("--outcomes", o.outcomes, "List what they come to");
}

void add_generate(CLI::App& app, GenerateCommandOptions& o, Action& chosen) {
  CLI::App* sub = command(app, "gen", "Write a random program", chosen, [&o] { return generate(o); });
  sub->add_option("--seed", o.seed, "The same seed gives the same program")
      ->envname("MMTWIN_SEED")
      ->capture_default_str();
  sub->add_option("--operations", o.operations, "How many")->check(CLI::Range(1u, 1u << 24))->capture_default_str();
  sub->add_option("--machine", o.machine, "PRESET key=value ...")->capture_default_str();
  sub->add_option("--weights", o.weights, "pages=4,space=2,range=4,memory=5,cpu=2,world=1");
  sub->add_option("--pauses", o.pauses, "Percent of programs some of whose operations pause")
      ->check(CLI::Range(0u, 100u))
      ->capture_default_str();
  sub->add_option("-o,--output", o.output, "Where it goes (default: standard output)");
  sub->add_flag("--json", o.json, "JSON Lines");
}

void add_convert(CLI::App& app, ConvertOptions& o, Action& chosen) {
  CLI::App* sub =
      command(app, "convert", "Turn a program into text, bytes or a GoogleTest", chosen, [&o] { return convert(o); });
  sub->add_option("FILE", o.file, "A program")->required();
  sub->add_option("--to", o.to, "What to write")
      ->check(CLI::IsMember({"text", "bytes", "gtest"}))
      ->capture_default_str();
  sub->add_option("--from", o.from, "What FILE holds (default: text if it begins as text)")
      ->check(CLI::IsMember({"text", "bytes"}));
  sub->add_option("--name", o.name, "Of the GoogleTest");
  sub->add_option("-o,--output", o.output, "Where it goes (default: standard output)");
  sub->add_flag("--json", o.json, "JSON Lines");
}

void add_fuzz(CLI::App& app, FuzzOptions& o, Action& chosen) {
  CLI::App* sub = command(app, "fuzz", "Run random programs in lockstep", chosen, [&o] { return fuzz(o); });
  add_seconds(sub, "--seconds,--time", o.seconds, "Budget");
  sub->add_option("--jobs", o.jobs, "Processes")->check(CLI::Range(1, 1024))->capture_default_str();
  sub->add_option("--seed", o.seed, "The same seed gives the same programs")
      ->envname("MMTWIN_SEED")
      ->capture_default_str();
  sub->add_option("--target", o.target, "What to play")
      ->check(CLI::IsMember({"machine", "pages", "spaces"}))
      ->capture_default_str();
  sub->add_option("--machine", o.machine, "PRESET key=value ...")->capture_default_str();
  sub->add_option("--weights", o.weights, "pages=4,space=2,range=4,memory=5,cpu=2,world=1");
  sub->add_option("--pauses", o.pauses, "Percent of programs some of whose operations pause")
      ->check(CLI::Range(0u, 100u))
      ->capture_default_str();
  sub->add_option("--operations", o.operations, "Of one program")
      ->check(CLI::Range(1u, 1u << 20))
      ->capture_default_str();
  sub->add_option("--executions", o.executions, "Programs; 0: until the time is up")->capture_default_str();
  sub->add_option("--corpus", o.corpus, "Folder of traces to run first");
  sub->add_option("-o,--output", o.output, "Folder for findings")->capture_default_str();
  sub->add_flag("--perturb", o.perturb, "Measure how tight the judge is: alter legal runs");
  sub->add_flag("--no-asserts", o.no_asserts, "The implementation's own asserts do not abort");
  sub->add_flag("--json", o.json, "JSON Lines");
}

void add_import(CLI::App& app, ImportOptions& o, Action& chosen) {
  CLI::App* sub = command(app, "import", "Turn the log of a real program or kernel into a trace", chosen,
                          [&o] { return import_log(o); });
  sub->add_option("FORMAT", o.format, "strace, vmadelta or kmem-pages")
      ->required()
      ->check(CLI::IsMember({"strace", "vmadelta", "kmem-pages"}));
  sub->add_option("FILE", o.file, "The log, as plain text; - is standard input")->required();
  sub->add_option("-o,--output", o.output, "Where the trace goes (default: standard output)");
  sub->add_flag("!--no-accesses", o.adds_accesses, "Add no loads and stores (strace)");
  sub->add_flag("--json", o.json, "JSON Lines; without --output only the counts");
}

void add_prove(CLI::App& app, ProveOptions& o, Action& chosen) {
  CLI::App* sub = command(app, "prove", "Prove the rules that run", chosen, [&o] { return prove(o); });
  sub->add_option("--only", o.only, "Only theorems with this in their id");
  sub->add_option("--jobs", o.jobs, "Threads")->check(CLI::Range(1, 256))->capture_default_str();
  sub->add_flag("--json", o.json, "JSON Lines");
}

void add_laws(CLI::App& app, LawsOptions& o, Action& chosen) {
  CLI::App* sub = command(app, "laws", "List what must always hold", chosen, [&o] { return laws(o); });
  sub->add_flag("--points", o.points, "List the places where operations may pause");
  sub->add_flag("--freedoms", o.freedoms, "Measure and list what the judge leaves open");
  auto* programs =
      sub->add_option("--programs", o.programs, "How many to generate")->check(CLI::Range(1u, 1u << 20));
  programs->capture_default_str();
  sub->add_option("--seed", o.seed, "The same seed gives the same programs")->capture_default_str();
  sub->add_option("--pauses", o.pauses, "Percent of programs some of whose operations pause")
      ->check(CLI::Range(0u, 100u))
      ->capture_default_str();
  auto* corpus = sub->add_option("--corpus", o.corpus, "Folders of traces to alter in every way, instead");
  corpus->excludes(programs);
  sub->add_option("--most", o.most, "Things of one sort to alter in a trace, at most")
      ->check(CLI::Range(1u, 1u << 20))
      ->capture_default_str();
  sub->add_flag("--json", o.json, "JSON Lines");
}

void add_bugs(CLI::App& app, BugsOptions& o, Action& chosen) {
  CLI::App* sub = app.add_subcommand("bugs", "Put historical bugs in and see who finds them");
  sub->require_subcommand(1);
  auto add = [&](const std::string& name, const std::string& what) {
    CLI::App* action = command(*sub, name, what, chosen, [&o, name] {
      o.action = name;
      return bugs(o);
    });
    action->add_option("--source", o.source, "The source tree")->capture_default_str();
    action->add_flag("--json", o.json, "JSON Lines");
    if (name == "list") return action;
    action->add_option("--work", o.work, "Folder to build in (default: SOURCE/build/bugs)");
    add_seconds(action, "--seconds", o.seconds, "Budget of each campaign; 0: only the stored trace is tried");
    action->add_option("--seed", o.seed, "Of the campaigns")->envname("MMTWIN_SEED")->capture_default_str();
    return action;
  };
  add("list", "List them");
  add("run", "Try one")->add_option("ID", o.id, "Which")->required();
  add("matrix", "Try all");
}

std::size_t distance_of(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// CLI11 says of a mistyped command only that one is required.
std::string complaint(const CLI::App& app, const CLI::ParseError& error, int count, char** words) {
  std::string_view word = count > 1 ? words[1] : "";
  auto subs = app.get_subcommands([](const CLI::App*) { return true; });
  bool is_known = std::any_of(subs.begin(), subs.end(), [&](const CLI::App* sub) { return sub->get_name() == word; });
  if (word.empty() || word.starts_with('-') || is_known) return error.what();
  auto nearest = std::min_element(subs.begin(), subs.end(), [&](const CLI::App* a, const CLI::App* b) {
    return distance_of(a->get_name(), word) < distance_of(b->get_name(), word);
  });
  std::string guess =
      distance_of((*nearest)->get_name(), word) <= 3 ? "; did you mean '" + (*nearest)->get_name() + "'?" : "";
  return fmt::format("there is no command '{}'{}", word, guess);
}

std::string version() {
  std::string_view sanitizer = MMTWIN_SANITIZER;
  return fmt::format("mmtwin {} (build {}, trace format {}{}{})", MMTWIN_VERSION, lockstep::build_id(), kTextVersion,
                     sanitizer.empty() ? "" : ", sanitizer ", sanitizer);
}

// Whoever reads what was printed must not take a part of it for all.
ExitCode with_output_written(ExitCode code) {
  std::cout.flush();
  if (std::cout && std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  if (code != ExitCode::kHarness) fmt::print(stderr, "mmtwin: standard output cannot be written\n");  // said once
  return ExitCode::kHarness;
}

ExitCode run(int count, char** words) {
  CLI::App app{"Two memory managers, one fast and one plain, and the harness that holds them together.", "mmtwin"};
  app.footer(
      "Exit codes: 0 agreed, 1 divergence or violation, 2 bad usage, 3 unreadable or malformed input,\n"
      "4 the harness failed, 5 nothing was executed, 6 the budget ran out before an answer.");
  app.set_version_flag("--version", version());
  app.require_subcommand(1);
  Action chosen;
  ReplayOptions replay_options;
  MinimiseOptions minimise_options;
  ExplainOptions explain_options;
  ExploreCommandOptions explore_options;
  GenerateCommandOptions generate_options;
  ConvertOptions convert_options;
  FuzzOptions fuzz_options;
  ProveOptions prove_options;
  LawsOptions laws_options;
  BugsOptions bugs_options;
  ImportOptions import_options;
  add_replay(app, replay_options, chosen);
  add_minimise(app, minimise_options, chosen);
  add_explain(app, explain_options, chosen);
  add_explore(app, explore_options, chosen);
  add_fuzz(app, fuzz_options, chosen);
  add_generate(app, generate_options, chosen);
  add_convert(app, convert_options, chosen);
  add_import(app, import_options, chosen);
  add_prove(app, prove_options, chosen);
  add_laws(app, laws_options, chosen);
  add_bugs(app, bugs_options, chosen);
  try {
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      app.exit(error);
      return with_output_written(ExitCode::kAgreed);
    }
    fmt::print(stderr, "mmtwin: {}\n", complaint(app, error, count, words));
    return ExitCode::kUsage;
  }
  return with_output_written(chosen());
}

}  // namespace
}  // namespace mmtwin::tools

int main(int count, char** words) {
  try {
    return static_cast<int>(mmtwin::tools::run(count, words));
  } catch (const std::exception& error) {
    fmt::print(stderr, "mmtwin: {}\n", error.what());
    return static_cast<int>(mmtwin::tools::ExitCode::kHarness);
  }
}
