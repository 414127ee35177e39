#include "tools/import/log_scanner.h"

#include <algorithm>

namespace mmtwin::tools {
namespace {

constexpr std::string_view kXzMagic =
    "\xfd"
    "7zXZ";
constexpr std::string_view kGzipMagic = "\x1f\x8b";

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

}  // namespace

std::string MalformedLog::print(std::string_view file) const {
  return mentioned(file) + ":" + std::to_string(line_) + ":" + std::to_string(column_) + ": " + message_;
}

void LineCursor::skip_spaces() {
  while (at_ < line_.size() && line_[at_] == ' ') ++at_;
}

bool LineCursor::accept(std::string_view literal) {
  if (!rest().starts_with(literal)) return false;
  at_ += literal.size();
  return true;
}

void LineCursor::expect(std::string_view literal) {
  if (!accept(literal)) {
    fail("expected " + in_quotes(literal) + (at_end() ? ", the line ends" : ", not " + in_quotes(rest())));
  }
}

std::string_view LineCursor::word(std::string_view what) {
  skip_spaces();
  std::string_view found = until(" ");
  if (found.empty()) fail("expected " + std::string(what) + ", the line ends");
  return found;
}

std::string_view LineCursor::until(std::string_view stops) {
  std::size_t end = std::min(line_.find_first_of(stops, at_), line_.size());
  std::string_view found = line_.substr(at_, end - at_);
  at_ = end;
  return found;
}

std::uint64_t LineCursor::digits(unsigned base, std::string_view what) {
  skip_spaces();
  std::uint64_t value = 0;
  std::size_t start = at_;
  for (; at_ < line_.size() && digit_value(line_[at_]) < static_cast<int>(base); ++at_) {
    const auto digit = static_cast<unsigned>(digit_value(line_[at_]));
    if (value > (UINT64_MAX - digit) / base) {
      at_ = start;
      fail(std::string(what) + " does not fit 64 bits");
    }
    value = value * base + digit;
  }
  if (at_ == start) {
    fail("expected " + std::string(what) + (at_end() ? ", the line ends" : ", not " + in_quotes(rest())));
  }
  return value;
}

std::uint64_t LineCursor::number(std::string_view what) {
  skip_spaces();
  if (accept("0x")) return digits(16, what);
  return digits(10, what);
}

void LineCursor::expect_end() {
  skip_spaces();
  if (!at_end()) fail("expected the end of the line, not " + in_quotes(rest()));
}

void LineCursor::fail(std::string message) const { throw MalformedLog(number_, at_ + 1, std::move(message)); }

LogLines::LogLines(std::string_view text) : text_(text) {
  if (text.size() > kMaxLogBytes) {
    throw MalformedLog(
        1, 1,
        "the log has " + std::to_string(text.size()) + " bytes; at most " + std::to_string(kMaxLogBytes) + " are read");
  }
  if (text.starts_with(kXzMagic)) throw MalformedLog(1, 1, "this is xz-compressed: give the output of `xz -dc`");
  if (text.starts_with(kGzipMagic)) throw MalformedLog(1, 1, "this is gzip-compressed: give the output of `gzip -dc`");
}

bool LogLines::next(LineCursor& into) {
  while (at_ < text_.size()) {
    std::size_t end = std::min(text_.find('\n', at_), text_.size());
    std::string_view line = text_.substr(at_, end - at_);
    at_ = end + 1;
    ++number_;
    if (line.size() > kMaxLogLineBytes) throw MalformedLog(number_, kMaxLogLineBytes, "the line is too long for a log");
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (std::size_t nul = line.find('\0'); nul != line.npos) throw MalformedLog(number_, nul + 1, "not a text file");
    if (line.empty()) continue;
    into = LineCursor(line, number_);
    return true;
  }
  return false;
}

}  // namespace mmtwin::tools
