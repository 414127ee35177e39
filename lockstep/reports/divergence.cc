#include "lockstep/reports/divergence.h"

#include "lockstep/perturb/event_fields.h"
#include "vocab/text.h"
#include "vocab/wording.h"

namespace mmtwin::lockstep {

namespace {

class StepRecorder final : public StepObserver {
 public:
  StepRecorder(StepNumber step, Divergence& into) : step_(step), into_(into) {}
  void on_step(const StepView& step) override {
    if (step.step != step_) return;
    into_.recorded = true;
    into_.events.assign(step.events.begin(), step.events.end());
    into_.system_changes = step.system_changes;
    into_.model_changes = step.model_changes;
    into_.response = step.response;
    // In the rest phase many operations share one number: the last one told is the one that failed.
    if (step.operation) into_.operation = print_step(step.step.raw(), *step.operation);
  }

 private:
  StepNumber step_;
  Divergence& into_;
};

std::string print_changes(const char* who, const Changes& changes) {
  if (changes.frames.empty() && changes.spaces.empty()) return {};
  static constexpr std::size_t kShown = 16;
  std::string text = std::string("  changed by the ") + who + ":";
  for (std::size_t i = 0; i < changes.frames.size() && i < kShown; ++i) {
    text += " frame " + std::to_string(changes.frames[i].raw());
  }
  if (changes.frames.size() > kShown) text += " … (" + std::to_string(changes.frames.size()) + " frames)";
  for (const SpaceHandle space : changes.spaces) text += " space p" + std::to_string(space.number());
  return text + "\n";
}

}  // namespace

std::string Divergence::print() const {
  if (!outcome.finding) return "agreed\n";
  const model::Finding& finding = *outcome.finding;
  std::string text = std::string(name_of(outcome.verdict)) + " at step " + std::to_string(outcome.step.raw()) +
                     " (found by: " + std::string(name_of(outcome.phase)) + ")\n";
  text += "  " + operation + (note.empty() ? "" : "  # " + mentioned(note)) + "\n";
  text += "  law " + std::string(model::id_of(finding.law)) + ": " + std::string(model::claim_of(finding.law)) + "\n";
  text += "  field " + std::string(finding.field) + "\n";
  text += "    the model allows: " + finding.expected + "\n";
  text += "    the system has:   " + finding.actual + "\n";
  if (outcome.marking_hole) text += "  nobody had marked this as changed: a hole in the marking\n";
  if (recorded) {
    text += "  the system answered " + mmtwin::print(response) + (events.empty() ? "\n" : " and did:\n");
    for (const Event& event : events) text += "    " + describe(event) + "\n";
    text += print_changes("system", system_changes) + print_changes("model", model_changes);
  }
  return text + "  signature: " + signature.print() + "\n  replay: " + replay + "\n";
}

std::string replay_command(const System& system, const std::string& file) {
  const std::string name(system.name());
  const bool is_chosen = name == "model" || name == "recorded" || name.find('/') != std::string::npos;
  return "mmtwin replay " + (is_chosen ? "--sut=" + name + " " : "") + file;
}

Divergence describe_failure(Runner& runner, const Program& program, const RunOutcome& outcome,
                            const std::string& file) {
  Divergence divergence;
  divergence.outcome = outcome;
  divergence.signature = signature_of(outcome).value_or(Signature{});
  divergence.operation = outcome.phase == Phase::kBoot ? "boot" : "rest";
  if (!outcome.operation.empty()) divergence.operation = std::to_string(outcome.step.raw()) + " " + outcome.operation;
  const auto note = program.notes.find(outcome.step.raw());
  if (note != program.notes.end()) divergence.note = note->second;
  divergence.replay = replay_command(runner.system(), file);
  StepRecorder recorder(outcome.step, divergence);
  RunOptions options;
  options.observer = &recorder;
  options.locate = false;
  options.audit_at_end = false;
  options.rest = outcome.phase == Phase::kRest;
  runner.run(program, options);
  return divergence;
}

}  // namespace mmtwin::lockstep
