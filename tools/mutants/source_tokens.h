// A C++ source as tokens: enough of its shape to change one line of it, without a compiler's front end.
//
// Laws: none. Context: values; the tokens point into the source, which must live as long. Cost: linear. Comments,
// preprocessor lines and attributes are no tokens; strings are, and nobody changes them. What an operator means is told
// by the blanks around it, as this tree is formatted: `a < b` and `a & b` compute, `array<T>`, `T& x` and `&x` do not.
// It deliberately knows no types: a change that does not compile is thrown away by whoever builds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace mmtwin::tools {

enum class TokenKind : std::uint8_t { kWord, kNumber, kLiteral, kSign };

struct Token {
  TokenKind kind = TokenKind::kSign;
  std::string_view text;
  std::size_t at = 0;  // in the source
  unsigned line = 1;
  bool blank_before = false, blank_after = false;
  bool is_changed = true;  // false: inside of what says nothing about the run (see `leave_alone`)

  std::size_t end() const { return at + text.size(); }
  bool is(std::string_view what) const { return text == what; }
  bool is_word() const { return kind == TokenKind::kWord; }
  bool is_binary() const { return kind == TokenKind::kSign && blank_before && blank_after; }
};

class SourceTokens {
 public:
  explicit SourceTokens(std::string_view source);

  std::string_view source() const { return source_; }
  std::size_t size() const { return tokens_.size(); }
  const Token& operator[](std::size_t i) const { return tokens_[i]; }
  // Past either end: a token without text, so that neighbours may be asked for.
  const Token& at(std::size_t i) const { return i < tokens_.size() ? tokens_[i] : nothing_; }
  // Of a bracket: the one that belongs to it. Of others, and where there is none: itself.
  std::size_t partner(std::size_t i) const { return partners_[i]; }
  // The bracket that encloses the token, by what opens it: '(', '[', '{'; 0: none.
  char enclosing(std::size_t i) const { return enclosing_[i]; }
  // The text from the first token to the last.
  std::string_view text(std::size_t first, std::size_t last) const {
    return source_.substr(tokens_[first].at, tokens_[last].end() - tokens_[first].at);
  }
  bool is_on_one_line(std::size_t first, std::size_t last) const {
    return tokens_[first].line == tokens_[last].line;
  }
  // `line` counts from 1; without its end and the blanks around it.
  std::string_view line(unsigned line) const;

 private:
  void match_brackets();
  void leave_alone();

  std::string_view source_;
  std::vector<Token> tokens_;
  std::vector<std::size_t> partners_;
  std::vector<char> enclosing_;
  Token nothing_;
};

// Is what the function or statement does only seen by a person, an assert or the explorer? Its name tells.
bool is_about_checking(std::string_view name);

}  // namespace mmtwin::tools
