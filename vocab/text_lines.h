// The words of a line, and where on it they stand. Only vocab/text*.cc include this.
//
// Laws: none. Context: values. Cost: a pass over the line. Words are separated by blanks; a word that starts with `#`
// starts a comment. It deliberately has no quoting.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "vocab/text.h"

namespace mmtwin::text {

struct Word {
  std::string_view text;
  std::size_t column = 0;  // from 1
};

constexpr std::string_view kBlanks = " \t\r";

inline std::vector<Word> words_of(std::string_view line) {
  std::vector<Word> words;
  std::size_t at = line.find_first_not_of(kBlanks);
  while (at != std::string_view::npos && line[at] != '#') {
    const std::size_t end = std::min(line.find_first_of(kBlanks, at), line.size());
    words.push_back({line.substr(at, end - at), at + 1});
    at = line.find_first_not_of(kBlanks, end);
  }
  return words;
}

// `words` are those of the line.
inline std::string_view comment_of(std::string_view line, const std::vector<Word>& words) {
  const std::size_t end = words.empty() ? 0 : words.back().column - 1 + words.back().text.size();
  const std::size_t begin = line.find_first_not_of("# \t\r", end);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kBlanks) + 1 - begin);
}

// Takes words one by one; remembers the first error.
class LineReader {
 public:
  LineReader(std::string_view line, std::size_t number)
      : words_(words_of(line)), comment_(comment_of(line, words_)), number_(number), end_column_(line.size() + 1) {}

  bool at_end() const { return next_ == words_.size(); }
  // What stands behind `#`, without blanks around it.
  std::string_view comment() const { return comment_; }
  const Word& peek() const { return words_[next_]; }
  const Word& take() { return words_[next_++]; }
  bool take_if(std::string_view text) {
    if (at_end() || peek().text != text) return false;
    ++next_;
    return true;
  }
  // Column of the next word, or of the line's end.
  std::size_t column() const { return at_end() ? end_column_ : peek().column; }

  // Always false, so that a reader can `return line.fail(…)`.
  bool fail(std::size_t column, std::string message) {
    if (!error_) error_ = ParseError{number_, column, std::move(message)};
    return false;
  }
  const std::optional<ParseError>& error() const { return error_; }

 private:
  std::vector<Word> words_;
  std::string_view comment_;
  std::size_t next_ = 0;
  std::size_t number_;
  std::size_t end_column_;
  std::optional<ParseError> error_;
};

// KEY=VALUE; without `=` the value is absent.
struct KeyValue {
  std::string_view key, value;
  std::size_t key_column = 0, value_column = 0;
  bool has_value = false;
};
inline KeyValue key_value_of(const Word& word) {
  const std::size_t equals = word.text.find('=');
  if (equals == std::string_view::npos) return {word.text, {}, word.column, word.column, false};
  return {word.text.substr(0, equals), word.text.substr(equals + 1), word.column, word.column + equals + 1, true};
}

// Reads "PRESET key=value …" to the line's end; `header` says what the preset's name means.
bool read_machine(LineReader& line, unsigned header, MachineDescription& machine);
// Reads "cpu=0 NAME field=value … -> b3", up to `=` or the line's end.
bool read_operation(LineReader& line, const MachineDescription& machine, Operation& operation);
// Reads "ok", a refusal's name or a value. Reads ranges to the line's end.
bool read_response(LineReader& line, Response& response);
bool read_ranges(LineReader& line, std::vector<RangeObservation>& ranges);

}  // namespace mmtwin::text
