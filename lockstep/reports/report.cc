#include "lockstep/reports/report.h"

#include <nlohmann/json.hpp>

#include "lockstep/run/digest.h"

namespace mmtwin::lockstep {

namespace {

// Keys in the order in which they are written.
using Json = nlohmann::ordered_json;

std::string line_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string replay_line(std::string_view file, std::string_view sut, const GuardedOutcome& guarded, bool has_digests,
                        std::uint64_t mismatches, std::uint64_t assumed) {
  const RunOutcome& outcome = guarded.outcome;
  Json json = {{"kind", "replay"}, {"file", file}, {"verdict", name_of(outcome.verdict)}};
  if (outcome.verdict != Verdict::kAgreed) json["step"] = outcome.step.raw();
  if (outcome.finding) {
    json["law"] = model::id_of(outcome.finding->law);
    json["field"] = outcome.finding->field;
    json["model"] = outcome.finding->expected;
    json["actual"] = outcome.finding->actual;
  } else if (outcome.verdict == Verdict::kCrashed) {
    json["field"] = guarded.how();
  }
  json["sut"] = sut;
  if (has_digests) {
    json["answers"] = hex(outcome.answers);
    json["events"] = hex(outcome.events);
  }
  json["operations"] = outcome.executed;
  json["skipped"] = outcome.skipped_total();
  json["mismatches"] = mismatches;
  json["assumed"] = assumed;
  return line_of(json);
}

void CampaignTotals::add(const RunOutcome& outcome) {
  ++executions;
  operations += outcome.executed;
  skipped += outcome.skipped_total();
  items += outcome.items;
  gave_up += outcome.gave_up ? 1 : 0;
}

std::string campaign_line(const CampaignTotals& totals) {
  return line_of({{"kind", "campaign"},
                  {"target", totals.target},
                  {"machine", totals.machine},
                  {"seed", totals.seed},
                  {"executions", totals.executions},
                  {"operations", totals.operations},
                  {"skipped", totals.skipped},
                  {"items", totals.items},
                  {"gave_up", totals.gave_up},
                  {"seconds", totals.seconds},
                  {"divergences", totals.divergences},
                  {"verdict", totals.verdict}});
}

std::vector<std::string> law_lines(const model::LawCounts& exercised) {
  std::vector<std::string> lines;
  for (unsigned law = 0; law < model::kLawCount; ++law) {
    lines.push_back(line_of({{"kind", "law"},
                             {"id", model::kLaws[law].id},
                             {"claim", model::kLaws[law].claim},
                             {"exercised", exercised[law]}}));
  }
  return lines;
}

std::string print_laws(const model::LawCounts& exercised, bool with_zeros) {
  std::string text;
  for (const bool zeros : {true, false}) {
    for (unsigned law = 0; law < model::kLawCount; ++law) {
      if ((exercised[law] == 0) != zeros || (zeros && !with_zeros)) continue;
      const std::string count = std::to_string(exercised[law]);
      const std::string id(model::kLaws[law].id);
      text += std::string(count.size() < 14 ? 14 - count.size() : 0, ' ') + count + "  " + id +
              std::string(id.size() < 12 ? 12 - id.size() : 0, ' ') + std::string(model::kLaws[law].claim) + "\n";
    }
  }
  return text;
}

std::string minimise_line(std::string_view file, const Minimised& minimised, std::string_view output, bool is_kept) {
  return line_of({{"kind", "minimise"},
                  {"file", file},
                  {"before", minimised.before},
                  {"after", minimised.after},
                  {"executions", minimised.executions},
                  {"seconds", minimised.seconds},
                  {"minimal", minimised.minimal},
                  {"signature", minimised.signature.print()},
                  {"output", output},
                  {"kept", is_kept}});
}

std::string perturb_line(const PerturbReport& report, std::string_view of, std::string_view verdict) {
  Json kinds = Json::object();
  for (const auto& [kind, tightness] : report.kinds) {
    kinds[kind] = {{"rejected", tightness.rejected}, {"accepted", tightness.accepted}};
    if (!tightness.example.empty()) kinds[kind]["example"] = tightness.example;
  }
  return line_of({{"kind", "perturb"},
                  {"of", of},
                  {"programs", report.programs},
                  {"rejected", report.rejected},
                  {"accepted", report.accepted},
                  {"unchanged", report.unchanged},
                  {"disagreed", report.disagreed},
                  {"gave_up", report.gave_up},
                  {"kinds", kinds},
                  {"verdict", verdict}});
}

}  // namespace mmtwin::lockstep
