#include "tools/mutants/mutant_choice.h"

#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <sstream>
#include <utility>

#include "lockstep/random.h"

namespace mmtwin::tools {
namespace {

namespace fs = std::filesystem;

bool is_tried(const std::string& file, const std::string& only) {
  if (!file.ends_with(".cc") && !file.ends_with(".h")) return false;
  if (file.starts_with("impl/platform/threads/")) return false;
  return only.empty() || ::fnmatch(only.c_str(), file.c_str(), 0) == 0;
}

}  // namespace

std::variant<std::vector<Mutant>, FileProblem> all_mutants(const std::string& source, const std::string& only) {
  std::error_code error;
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(source) / "impl", error)) {
    const std::string file = fs::relative(entry.path(), source).string();
    if (entry.is_regular_file() && is_tried(file, only)) files.push_back(file);
  }
  if (error) return FileProblem{source + "/impl: " + error.message()};
  std::sort(files.begin(), files.end());
  std::vector<Mutant> all;
  for (const std::string& file : files) {
    auto text = read_file((fs::path(source) / file).string());
    if (auto* problem = std::get_if<FileProblem>(&text)) return *problem;
    auto found = mutants_of(file, std::get<std::string>(text));
    all.insert(all.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  }
  return all;
}

std::vector<Mutant> draw(const std::vector<Mutant>& all, std::uint64_t seed) {
  std::map<std::pair<std::string, std::size_t>, std::vector<const Mutant*>> by_place;
  for (const Mutant& mutant : all) by_place[{mutant.file, mutant.replacement.at}].push_back(&mutant);
  std::vector<const std::vector<const Mutant*>*> places;
  for (const auto& [place, mutants] : by_place) places.push_back(&mutants);
  lockstep::Random random(seed);
  for (std::size_t i = places.size(); i > 1; --i) std::swap(places[i - 1], places[random.below(i)]);
  std::vector<Mutant> drawn;
  for (const auto* place : places) drawn.push_back(*random.pick_from(*place));
  return drawn;
}

std::variant<std::vector<Mutant>, FileProblem> pick(const std::vector<Mutant>& all, const std::string& lines) {
  std::vector<Mutant> picked;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) {
    const std::string id = line.substr(0, line.find_first_of(" \t\r"));
    if (id.empty()) continue;
    const auto found = std::find_if(all.begin(), all.end(), [&](const Mutant& mutant) { return mutant.id == id; });
    if (found == all.end()) return FileProblem{"there is no mutant '" + id + "'; --list names them"};
    picked.push_back(*found);
  }
  return picked;
}

}  // namespace mmtwin::tools
