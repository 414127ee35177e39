#include "tools/commands/command_words.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "vocab/wording.h"

namespace mmtwin::tools {
namespace {

constexpr double kMostSeconds = 1e7;
constexpr std::size_t kFarthest = 3;  // letters by which a word that was meant may differ

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

std::string guess(std::string_view word, const std::vector<std::string>& known) {
  word = word.substr(0, kQuotedBytes);  // what is longer was not meant to be any of them
  auto nearer = [&](const std::string& a, const std::string& b) { return distance_of(a, word) < distance_of(b, word); };
  auto nearest = std::min_element(known.begin(), known.end(), nearer);
  if (nearest == known.end() || distance_of(*nearest, word) > std::min(kFarthest, nearest->size() / 2)) return "";
  return "; did you mean '" + *nearest + "'?";
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  const auto all = [](const CLI::App*) { return true; };
  for (const CLI::App* sub : app.get_subcommands(all)) names.push_back(sub->get_name());
  return names;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_fnames()) names.push_back("--" + name);
  }
  return names;
}

std::string say_unknown(std::string_view what, std::string_view word, std::string_view meant,
                        const std::vector<std::string>& known) {
  return fmt::format("there is no {} {}{}", what, in_quotes(word), guess(meant, known));
}

bool is_known(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Words with_help_as_option(Words words) {
  if (words.empty() || words[0] != "help") return words;
  words.erase(words.begin(), std::find_if(words.begin(), words.end(), [](const auto& word) { return word != "help"; }));
  words.push_back("--help");
  return words;
}

std::optional<std::string> unknown_word(const CLI::App& app, const Words& words) {
  const CLI::App* here = &app;
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    const std::string& word = words[i];
    const bool is_option = word.size() > 1 && word[0] == '-';
    if (!is_option) {
      const std::vector<std::string> commands = commands_of(*here);
      if (commands.empty()) continue;
      if (!is_known(commands, word)) return say_unknown("command", word, word, commands);
      here = here->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == word; }).front();
      continue;
    }
    // A short option may have its value attached, a long one behind `=`.
    const bool is_long = word[1] == '-';
    const std::string name = is_long ? word.substr(0, word.find('=')) : word.substr(0, 2);
    const CLI::Option* option = here->get_option_no_throw(name);
    if (option == nullptr && !(is_long && is_known(options_of(*here), name))) {
      return say_unknown("option", word, is_long ? name : "-" + word, options_of(*here));
    }
    const bool has_value = option != nullptr && option->get_items_expected_max() > 0;
    if (has_value && word.size() == name.size()) ++i;
  }
  return std::nullopt;
}

std::string complaint(const CLI::ParseError& error, const Words& words) {
  std::string text = error.what();
  for (const std::string& word : words) {
    const std::string value = word.substr(word.starts_with('-') ? std::min(word.find('=') + 1, word.size()) : 0);
    if (value.size() <= kQuotedBytes) continue;
    for (std::size_t at; (at = text.find(value)) != std::string::npos;) {
      text.replace(at, value.size(), mentioned(value, kQuotedBytes));
    }
  }
  return mentioned(text);
}

Number read_number(std::string_view word, std::uint64_t least, std::uint64_t most) {
  Number number;
  const bool is_hex = word.starts_with("0x");
  const std::string_view digits = is_hex ? word.substr(2) : word;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number.value, is_hex ? 16 : 10);
  const bool is_whole = error == std::errc() && end == digits.data() + digits.size();
  if (!is_whole || number.value < least || number.value > most) {
    number.problem = fmt::format("{} is no number from {} to {}, decimal or 0x hex", in_quotes(word), least, most);
  }
  return number;
}

void add_seconds(CLI::App* app, const std::string& names, double& seconds, const std::string& what) {
  // Written so that NaN, which is in no range, is out of this one too.
  auto check = [](const std::string& word) {
    char* end = nullptr;
    const double given = std::strtod(word.c_str(), &end);
    const bool is_good = !word.empty() && *end == '\0' && given >= 0 && given <= kMostSeconds;
    return is_good ? std::string() : fmt::format("{} is not 0 to {:.0f} seconds", in_quotes(word), kMostSeconds);
  };
  app->add_option(names, seconds, what)->check(check, "")->type_name("SECONDS")->capture_default_str();
}

}  // namespace mmtwin::tools
