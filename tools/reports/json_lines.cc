#include "tools/reports/json_lines.h"

#include <nlohmann/json.hpp>

namespace mmtwin::tools {
namespace {

// Keys in the order in which they are written.
using Json = nlohmann::ordered_json;

std::string line_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json object_of(const std::map<std::string, std::uint64_t>& counts) {
  Json json = Json::object();
  for (const auto& [name, count] : counts) json[name] = count;
  return json;
}

}  // namespace

std::string import_line(std::string_view file, const Imported& imported) {
  const ImportCounts& counts = imported.counts;
  Json by_call = Json::object();
  for (const auto& [name, count] : counts.calls) by_call[name] = {{"seen", count.seen}, {"imported", count.imported}};
  return line_of({{"kind", "import"},
                  {"file", file},
                  {"calls", counts.seen()},
                  {"imported", counts.imported()},
                  {"ignored", object_of(counts.ignored)},
                  {"operations", imported.program.length()},
                  {"additions", object_of(counts.additions)},
                  {"attributes", object_of(counts.attributes)},
                  {"by_call", by_call}});
}

std::string theorem_line(const smt::TheoremResult& result) {
  Json json = {{"kind", "theorem"},         {"id", result.id},
               {"claim", result.claim},     {"verdict", smt::name_of(result.verdict)},
               {"seconds", result.seconds}, {"paths", result.paths}};
  if (!result.reason.empty()) json["reason"] = result.reason;
  if (!result.counterexample.empty()) {
    Json values = Json::object();
    for (const auto& assignment : result.counterexample) values[assignment.name] = assignment.value;
    json["counterexample"] = values;
  }
  return line_of(json);
}

std::string prove_line(std::size_t theorems, std::size_t proved, std::size_t refuted, std::string_view verdict) {
  return line_of({{"kind", "prove"},
                  {"theorems", theorems},
                  {"proved", proved},
                  {"refuted", refuted},
                  {"verdict", verdict}});
}

std::string program_line(std::string_view file, std::string_view machine, std::uint64_t operations) {
  return line_of({{"kind", "program"}, {"file", file}, {"machine", machine}, {"operations", operations}});
}

std::string markers_line(const MarkerCounts& markers) {
  return line_of({{"kind", "markers"}, {"reached", markers.reached}, {"triggered", markers.triggered}});
}

std::string finding_line(const FindingFile& finding) {
  return line_of({{"kind", "finding"},
                  {"file", finding.name},
                  {"before", finding.before},
                  {"operations", finding.operations},
                  {"seconds", finding.seconds},
                  {"minimal", finding.minimal}});
}

std::string_view detector_of(lockstep::Verdict verdict) {
  switch (verdict) {
    case lockstep::Verdict::kAgreed:
      break;
    case lockstep::Verdict::kDiverged:
      return "judge";
    case lockstep::Verdict::kViolated:
      return "law";
    case lockstep::Verdict::kCrashed:
      return "crash";
  }
  return "";
}

std::string bug_line(const BugReport& bug) {
  Json json = {{"kind", "bug"},
               {"id", bug.id},
               {"reached", bug.reached != 0},
               {"triggered", bug.triggered != 0},
               {"detected", bug.detected},
               {"detector", bug.detector},
               {"law", bug.law},
               {"seconds", bug.seconds},
               {"operations", bug.operations},
               {"minimised", bug.minimised},
               {"long_before", bug.long_before},
               {"long_minimised", bug.long_minimised},
               {"long_seconds", bug.long_seconds},
               {"source", bug.source},
               {"expected", bug.law_expected},
               {"family", bug.family},
               {"needed", bug.operations_needed}};
  if (!bug.problem.empty()) json["problem"] = bug.problem;
  return line_of(json);
}

std::string bugs_line(const BugCounts& counts, std::string_view verdict) {
  return line_of({{"kind", "bugs"},
                  {"bugs", counts.bugs},
                  {"tried", counts.tried},
                  {"judge", counts.judge},
                  {"law", counts.law},
                  {"crash", counts.crash},
                  {"verdict", verdict}});
}

}  // namespace mmtwin::tools
