// The words of a command line where CLI11 says too little: mistyped names, numbers, and messages fit to be shown.
//
// Laws: none. Context: one thread, before any command runs. Cost: small strings. A complaint is one line, names the
// option or variable and what is allowed, and shows at most a few dozen characters of any word. It deliberately prints
// nothing.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mmtwin::tools {

using Words = std::vector<std::string>;  // after the program's name

// `help`, `help fuzz` and `help bugs run` are what `--help` behind the command is.
Words with_help_as_option(Words words);

// The first word that is no command or option of that place, with the nearest that is. nullopt: all are known.
std::optional<std::string> unknown_word(const CLI::App& app, const Words& words);

// CLI11's own message with long or unprintable words made short.
std::string complaint(const CLI::ParseError& error, const Words& words);

// A whole number, decimal or 0x hex, with nothing before or behind it. The problem is a sentence without a subject.
struct Number {
  std::uint64_t value = 0;
  std::string problem;  // empty: none
};
Number read_number(std::string_view word, std::uint64_t least, std::uint64_t most);

// A number from `least` to `most`; what `value` holds is the default.
template <class T>
CLI::Option* add_number(CLI::App* app, const std::string& name, T& value, const std::string& what,
                        std::uint64_t least = 0, std::uint64_t most = std::numeric_limits<T>::max()) {
  const auto check = [=](const std::string& word) { return read_number(word, least, most).problem; };
  const auto take = [&value, least, most](const std::string& word) {
    value = static_cast<T>(read_number(word, least, most).value);
  };
  return app->add_option_function<std::string>(name, take, what)
      ->check(check, "")
      ->type_name("NUMBER")
      ->default_str(std::to_string(value));
}

// A number of seconds.
void add_seconds(CLI::App* app, const std::string& names, double& seconds, const std::string& what);

}  // namespace mmtwin::tools
