// The command line of `mmtwin`: words to options, and every mistake in them to exit code 2 with one line.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <limits>
#include <string>
#include <string_view>

#include "lockstep/traces/trace.h"
#include "tools/commands/command_words.h"
#include "tools/commands/commands.h"
#include "tools/commands/systems.h"
#include "vocab/text.h"

namespace mmtwin::tools {
namespace {

constexpr const char* kSeedVariable = "MMTWIN_SEED";
using Action = std::function<ExitCode()>;
CLI::App* command(CLI::App& app, const std::string& name, const std::string& what, Action& chosen,
                  const Action& action) {
  CLI::App* sub = app.add_subcommand(name, what);
  sub->callback([&chosen, action] { chosen = action; });
  return sub;
}

// Programs follow from it: the same seed, the same programs.
void add_seed(CLI::App* sub, std::uint64_t& seed, const std::string& what) {
  add_number(sub, "--seed", seed, what + " (or MMTWIN_SEED)");
}

void add_sut(CLI::App* sub, std::string& sut) {
  sub->add_option("--sut", sut, kSystemsHelp)->check(CLI::Validator(system_problem, "SYSTEM"))->capture_default_str();
}

void add_replay(CLI::App& app, ReplayOptions& o, Action& chosen) {
  CLI::App* sub = command(app, "replay", "Run traces in lockstep and judge them", chosen, [&o] { return replay(o); });
  sub->add_option("FILE", o.files, "Traces; - is standard input")->required();
  add_sut(sub, o.sut);
  sub->add_option("--expect-verdict", o.expect_verdict, "Succeed only if the run ends so")
      ->check(CLI::IsMember({"agreed", "diverged", "violated", "crashed", "failed"}));
  sub->add_flag("--strict", o.strict,
                "A mismatch with recorded answers is a disagreement, as is an assumed answer of a recording");
  sub->add_flag("--bytes", o.bytes, "The files are byte programs, as fuzzing engines store them");
  sub->add_flag("--no-asserts", o.no_asserts, "The implementation's own asserts do not abort");
  add_seconds(sub, "--watchdog", o.watchdog_seconds, "Seconds after which a run hangs");
  sub->add_flag("--json", o.json, "JSON Lines");
}

void add_minimise(CLI::App& app, MinimiseOptions& o, Action& chosen) {
  CLI::App* sub = command(app, "minimise", "Make a failing trace short", chosen, [&o] { return minimise(o); });
  sub->add_option("FILE", o.file, "A trace that fails")->required();
  add_sut(sub, o.sut);
  add_seconds(sub, "--seconds", o.seconds, "Budget");
  sub->add_option("-o,--output", o.output, "Where the result goes (default: FILE with .min.mmt)");
  sub->add_option("--emit-test", o.test_file, "Also write a GoogleTest of the result there");
  sub->add_flag("--bytes", o.bytes, "FILE is a byte program");
  sub->add_flag("--json", o.json, "JSON Lines");
}

void add_init(CLI::App& app, InitOptions& o, Action& chosen) {
  CLI::App* sub = app.add_subcommand("init", "Write files to start from");
  sub->require_subcommand(1);
  CLI::App* plugin = sub->add_subcommand("plugin", "A page allocator as a plug-in: C, header, Makefile");
  plugin->callback([&] { chosen = [&o] { return init_plugin(o); }; });
  plugin->add_option("DIR", o.folder, "Where they go")->required();
}

void add_explain(CLI::App& app, ExplainOptions& o, Action& chosen) {
  CLI::App* sub =
      command(app, "explain", "Tell what happens in a trace, step by step", chosen, [&o] { return explain(o); });
  sub->add_option("FILE", o.file, "A trace")->required();
  add_number(sub, "--from", o.first_step, "First step to tell");
  add_number(sub, "--to", o.last_step, "Last step to tell; 0: all");
  sub->add_flag("!--no-events", o.with_events, "Answers and ranges only");
  sub->add_flag("--bytes", o.bytes, "FILE is a byte program");
  sub->add_flag("--json", o.json, "Only the outcome, as JSON Lines");
}

void add_explore(CLI::App& app, ExploreCommandOptions& o, Action& chosen) {
  CLI::App* sub = command(app, "explore", "Run every schedule of operations in flight together", chosen,
                          [&o] { return explore(o); });
  sub->add_option("TRACE", o.file, "A trace (default: all pairs on a page that two spaces share)");
  add_number(sub, "--from", o.first, "The steps from here on are in flight together");
  add_number(sub, "--runs", o.most_runs, "At most, of one program");
  sub->add_flag("!--all", o.prunes, "Also schedules that come to the same as others");
  sub->add_flag("--touches", o.touches, "Also pauses at every touch of a shared word: many more schedules");
  sub->add_flag("--outcomes", o.outcomes, "List what they come to");
}

void add_generate(CLI::App& app, GenerateCommandOptions& o, Action& chosen) {
  CLI::App* sub = command(app, "gen", "Write a random program", chosen, [&o] { return generate(o); });
  add_seed(sub, o.seed, "The same seed gives the same program");
  add_number(sub, "--operations", o.operations, "How many", 1, 1u << 24);
  sub->add_option("--machine", o.machine, "PRESET key=value ...")->capture_default_str();
  sub->add_option("--weights", o.weights, "pages=4,space=2,range=4,memory=5,cpu=2,world=1");
  add_number(sub, "--pauses", o.pauses, "Percent of programs some of whose operations pause", 0, 100);
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
  add_number(sub, "--jobs", o.jobs, "Processes", 1, 1024);
  add_seed(sub, o.seed, "The same seed gives the same programs");
  sub->add_option("--target", o.target, "What to play")
      ->check(CLI::IsMember({"machine", "pages", "spaces"}))
      ->capture_default_str();
  add_sut(sub, o.sut);
  sub->add_option("--machine", o.machine, "PRESET key=value ... (default: drawn anew every few programs)");
  sub->add_option("--weights", o.weights, "pages=4,space=2,range=4,memory=5,cpu=2,world=1");
  add_number(sub, "--pauses", o.pauses, "Percent of programs some of whose operations pause", 0, 100);
  add_number(sub, "--operations", o.operations, "Of one program", 1, 1u << 20);
  add_number(sub, "--executions", o.executions, "Programs; 0: until the time is up");
  sub->add_option("--corpus", o.corpus, "Folder of traces to run first");
  sub->add_option("-o,--output", o.output, "Folder for findings")->capture_default_str();
  add_seconds(sub, "--minimise-seconds", o.minimise_seconds, "Budget to make a finding short; 0: kept as found");
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
  add_number(sub, "--jobs", o.jobs, "Threads", 1, 256);
  sub->add_flag("--json", o.json, "JSON Lines");
}

void add_laws(CLI::App& app, LawsOptions& o, Action& chosen) {
  CLI::App* sub = command(app, "laws", "List what must always hold", chosen, [&o] { return laws(o); });
  sub->add_flag("--points", o.points, "List the places where operations may pause");
  sub->add_flag("--freedoms", o.freedoms, "Measure and list what the judge leaves open");
  CLI::Option* programs = add_number(sub, "--programs", o.programs, "How many to generate", 1, 1u << 20);
  add_seed(sub, o.seed, "Of the programs");
  add_number(sub, "--pauses", o.pauses, "Percent of programs some of whose operations pause", 0, 100);
  CLI::Option* corpus = sub->add_option("--corpus", o.corpus, "Folders of traces to alter in every way, instead");
  corpus->excludes(programs);
  add_number(sub, "--most", o.most, "Things of one sort to alter in a trace, at most", 1, 1u << 20);
  sub->add_flag("--json", o.json, "JSON Lines");
}

void add_mutants(CLI::App& bugs, MutantsOptions& o, Action& chosen) {
  CLI::App* sub = command(bugs, "mutants", "Change one line of the implementation at a time and see who finds it",
                          chosen, [&o] { return mutants(o); });
  sub->add_option("--source", o.source, "The source tree")->capture_default_str();
  sub->add_option("--work", o.work, "Folder to build in (default: SOURCE/build/mutants)");
  add_number(sub, "--count", o.count, "How many that compile and are no equivalents", 1, 1u << 20);
  add_seed(sub, o.seed, "Of the choice and of the campaigns");
  add_number(sub, "--jobs", o.jobs, "Trees, and mutants at a time", 1, 256);
  add_number(sub, "--operations", o.operations, "Of the campaigns on each", 1, std::uint64_t{1} << 40);
  add_seconds(sub, "--seconds", o.seconds, "Each survives after that, however few operations were done");
  sub->add_option("--only", o.only, "Files, as a pattern: 'impl/phys/*'");
  sub->add_option("--survivors", o.ids_file, "Instead of drawing: those whose ids begin the lines of this file");
  sub->add_flag("--list", o.list, "Print them; build nothing");
  sub->add_flag("--json", o.json, "JSON Lines");
}

void add_bugs(CLI::App& app, BugsOptions& o, MutantsOptions& mutants_options, Action& chosen) {
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
    add_seed(action, o.seed, "Of the campaigns");
    action->add_option("--machine", o.machine, "Of the campaigns: PRESET key=value ... (default: drawn)");
    return action;
  };
  add("list", "List them");
  add("run", "Try one")->add_option("ID", o.id, "Which")->required();
  add("matrix", "Try all");
  add_mutants(*sub, mutants_options, chosen);
}

// MMTWIN_SEED stands for --seed where there is none. Empty: it is not set.
Number seed_from_environment() {
  const char* word = std::getenv(kSeedVariable);
  if (word == nullptr || *word == '\0') return {GenerateCommandOptions().seed, ""};
  return read_number(word, 0, std::numeric_limits<std::uint64_t>::max());
}

// The command that was chosen takes the seed that was not given.
bool wants_seed(const CLI::App& app) {
  const CLI::App* chosen = &app;
  while (!chosen->get_subcommands().empty()) chosen = chosen->get_subcommands().front();
  const CLI::Option* seed = chosen->get_option_no_throw("--seed");
  return seed != nullptr && seed->count() == 0;
}

std::string version() {
  std::string_view sanitizer = MMTWIN_SANITIZER;
  return fmt::format("mmtwin {} (build {}, trace format {}{}{})", MMTWIN_VERSION, lockstep::build_id(), kNewestHeader,
                     sanitizer.empty() ? "" : ", sanitizer ", sanitizer);
}

// Whoever reads what was printed must not take a part of it for all.
ExitCode with_output_written(ExitCode code) {
  std::cout.flush();
  if (std::cout && std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  if (code != ExitCode::kHarness) fmt::print(stderr, "mmtwin: standard output cannot be written\n");  // said once
  return ExitCode::kHarness;
}

ExitCode run(const Words& words) {
  CLI::App app{"Two memory managers, one fast and one plain, and the harness that holds them together.", "mmtwin"};
  app.footer(
      "Exit codes: 0 agreed, 1 divergence or violation, 2 bad usage, 3 unreadable or malformed input,\n"
      "4 the harness failed, 5 nothing was executed, 6 the budget ran out before an answer.\n"
      "`mmtwin help COMMAND` tells what a command takes.");
  app.set_version_flag("--version", version);  // asked only then: it reads the whole program
  app.require_subcommand(1);
  Action chosen;
  ReplayOptions replay_options;
  MinimiseOptions minimise_options;
  InitOptions init_options;
  ExplainOptions explain_options;
  ExploreCommandOptions explore_options;
  GenerateCommandOptions generate_options;
  ConvertOptions convert_options;
  FuzzOptions fuzz_options;
  ProveOptions prove_options;
  LawsOptions laws_options;
  BugsOptions bugs_options;
  MutantsOptions mutants_options;
  ImportOptions import_options;
  const Number seed = seed_from_environment();
  generate_options.seed = fuzz_options.seed = bugs_options.seed = mutants_options.seed = laws_options.seed = seed.value;
  add_replay(app, replay_options, chosen);
  add_minimise(app, minimise_options, chosen);
  add_explain(app, explain_options, chosen);
  add_explore(app, explore_options, chosen);
  add_fuzz(app, fuzz_options, chosen);
  add_generate(app, generate_options, chosen);
  add_convert(app, convert_options, chosen);
  add_import(app, import_options, chosen);
  add_init(app, init_options, chosen);
  add_prove(app, prove_options, chosen);
  add_laws(app, laws_options, chosen);
  add_bugs(app, bugs_options, mutants_options, chosen);
  if (auto problem = unknown_word(app, words)) {
    fmt::print(stderr, "mmtwin: {}\n", *problem);
    return ExitCode::kUsage;
  }
  try {
    app.parse(Words(words.rbegin(), words.rend()));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      app.exit(error);
      return with_output_written(ExitCode::kAgreed);
    }
    fmt::print(stderr, "mmtwin: {}\n", complaint(error, words));
    return ExitCode::kUsage;
  }
  if (!seed.problem.empty() && wants_seed(app)) {
    fmt::print(stderr, "mmtwin: {}: {}\n", kSeedVariable, seed.problem);
    return ExitCode::kUsage;
  }
  return with_output_written(chosen());
}

}  // namespace
}  // namespace mmtwin::tools

int main(int count, char** words) {
  try {
    const mmtwin::tools::Words given(words + std::min(count, 1), words + count);
    return static_cast<int>(mmtwin::tools::run(mmtwin::tools::with_help_as_option(given)));
  } catch (const std::exception& error) {
    fmt::print(stderr, "mmtwin: {}\n", error.what());
    return static_cast<int>(mmtwin::tools::ExitCode::kHarness);
  }
}
