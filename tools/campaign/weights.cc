#include "tools/campaign/weights.h"

#include <algorithm>
#include <charconv>

#include "vocab/wording.h"

namespace mmtwin::tools {
namespace {

constexpr std::uint32_t kMostWeight = 1'000'000;

std::optional<std::size_t> family_named(std::string_view name) {
  if (name == "world") return lockstep::kFamilies - 1;
  for (std::size_t family = 0; family + 1 < lockstep::kFamilies; ++family) {
    std::string_view prefix = lockstep::kFamilyPrefixes[family];
    if (prefix.substr(0, prefix.size() - 1) == name) return family;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> set_weights(std::string_view words, lockstep::FamilyWeights& weights) {
  while (!words.empty()) {
    std::string_view word = words.substr(0, words.find(','));
    words.remove_prefix(std::min(words.size(), word.size() + 1));
    std::size_t equals = word.find('=');
    auto family = family_named(word.substr(0, equals));
    if (equals == word.npos || !family) {
      return in_quotes(word) + " is no weight: FAMILY=NUMBER with pages, space, range, memory, cpu or world";
    }
    std::string_view digits = word.substr(equals + 1);
    std::uint32_t weight = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), weight);
    if (error != std::errc{} || end != digits.data() + digits.size() || weight > kMostWeight) {
      return in_quotes(word) + ": the weight is a number up to " + std::to_string(kMostWeight);
    }
    weights[*family] = weight;
  }
  if (std::all_of(weights.begin(), weights.end(), [](std::uint32_t weight) { return weight == 0; })) {
    return "all weights are 0";
  }
  return std::nullopt;
}

std::optional<std::string> set_target(std::string_view target, lockstep::GenerateOptions& options) {
  using lockstep::Family;
  lockstep::KindMask pages = kinds_of(Family::kPages);
  if (target == "machine") {
    options.kinds = lockstep::kAllKinds;
  } else if (target == "pages") {
    options.kinds = pages | kinds_of(Family::kWorld);
  } else if (target == "spaces") {
    options.kinds = lockstep::kAllKinds & ~pages;
  } else {
    return in_quotes(target) + " is no target: machine, pages or spaces";
  }
  return std::nullopt;
}

}  // namespace mmtwin::tools
