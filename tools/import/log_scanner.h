// Reading logs written by other programs: lines, a cursor inside a line, and the one-line error that names the place.
//
// Laws: none. Context: one thread. Cost: one pass, no copies. Everything that is not understood is an error with file,
// line and column; sizes are capped so that a hostile log cannot exhaust memory. It deliberately knows no format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "vocab/wording.h"

namespace mmtwin::tools {

inline constexpr std::size_t kMaxLogBytes = std::size_t{256} << 20;
inline constexpr std::size_t kMaxLogLineBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxLogOperations = std::size_t{8} << 20;

// Thrown by the scanners below, caught once per file by the importer.
class MalformedLog : public std::exception {
 public:
  MalformedLog(std::size_t line, std::size_t column, std::string message)
      : line_(line), column_(column), message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }
  // "file:line:column: message"
  std::string print(std::string_view file) const;

 private:
  std::size_t line_, column_;
  std::string message_;
};

// Position inside one line. Words are separated by spaces.
class LineCursor {
 public:
  LineCursor() = default;
  LineCursor(std::string_view line, std::size_t number) : line_(line), number_(number) {}

  std::size_t line_number() const { return number_; }
  std::string_view rest() const { return line_.substr(at_); }
  bool at_end() const { return at_ >= line_.size(); }
  char peek() const { return at_end() ? '\0' : line_[at_]; }

  void skip_spaces();
  // Consumes `literal` if it stands here.
  bool accept(std::string_view literal);
  void expect(std::string_view literal);
  // Up to the next space; never empty. `what` names it in the error.
  std::string_view word(std::string_view what);
  // Up to, not including, the first character of `stops` (or the end); may be empty.
  std::string_view until(std::string_view stops);
  // Base 16 without prefix; base 10; or "0x…" base 16, else base 10.
  std::uint64_t hexadecimal(std::string_view what) { return digits(16, what); }
  std::uint64_t decimal(std::string_view what) { return digits(10, what); }
  std::uint64_t number(std::string_view what);
  void expect_end();

  [[noreturn]] void fail(std::string message) const;

 private:
  std::uint64_t digits(unsigned base, std::string_view what);

  std::string_view line_;
  std::size_t number_ = 0;
  std::size_t at_ = 0;
};

// Hands out the lines of a whole log. Refuses what is not text, too long, or still compressed.
class LogLines {
 public:
  explicit LogLines(std::string_view text);
  // False at the end. Empty lines and a carriage return before the end of a line are skipped.
  bool next(LineCursor& into);

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t number_ = 0;
};

}  // namespace mmtwin::tools
