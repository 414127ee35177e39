#include "tools/mutants/source_tokens.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace mmtwin::tools {
namespace {

// Longest first.
constexpr std::string_view kSigns[] = {"<=>", "<<=", ">>=", "...", "->*", "::", "->", "++", "--", "<<", ">>", "<=",
                                       ">=",  "==",  "!=",  "&&",  "||",  "+=", "-=", "*=", "/=", "%=", "&=", "|=",
                                       "^="};

bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool begins_word(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool continues_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

class Scanner {
 public:
  explicit Scanner(std::string_view source) : source_(source) {}

  std::vector<Token> scan() {
    for (skip(); at_ < source_.size(); skip()) take();
    return std::move(tokens_);
  }

 private:
  bool sees(std::string_view what) const { return source_.substr(at_).starts_with(what); }

  void advance_to(std::size_t end) {
    end = std::min(end, source_.size());
    line_ += static_cast<unsigned>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                              source_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
    at_ = end;
  }
  void advance_past(std::string_view what, std::size_t from) {
    const std::size_t found = source_.find(what, from);
    advance_to(found == source_.npos ? found : found + what.size());
  }

  // A '#' that begins a line, and the lines that it is continued on.
  void skip_directive() {
    std::size_t end = at_;
    do {
      end = source_.find('\n', end + 1);
    } while (end != source_.npos && source_[end - 1] == '\\');
    advance_to(end);
  }

  bool begins_line() const {
    std::size_t before = at_;
    while (before > 0 && (source_[before - 1] == ' ' || source_[before - 1] == '\t')) --before;
    return before == 0 || source_[before - 1] == '\n';
  }

  void skip() {
    while (at_ < source_.size()) {
      if (is_blank(source_[at_]))
        advance_to(at_ + 1);
      else if (sees("//"))
        advance_to(source_.find('\n', at_));
      else if (sees("/*"))
        advance_past("*/", at_ + 2);
      else if (sees("[["))
        advance_past("]]", at_);
      else if (source_[at_] == '#' && begins_line())
        skip_directive();
      else
        return;
    }
  }

  std::size_t end_of_literal(char quote) const {
    std::size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote && source_[end] != '\n') end += source_[end] == '\\' ? 2 : 1;
    return end + 1;
  }
  // R"tag( ... )tag"
  std::size_t end_of_raw_literal() const {
    const std::size_t open = source_.find('(', at_);
    if (open == source_.npos) return open;
    const std::string close = ")" + std::string(source_.substr(at_ + 2, open - at_ - 2)) + "\"";
    const std::size_t found = source_.find(close, open);
    return found == source_.npos ? found : found + close.size();
  }
  std::size_t end_of_number() const {
    std::size_t end = at_ + 1;
    while (end < source_.size() && (continues_word(source_[end]) || source_[end] == '\'' || source_[end] == '.')) ++end;
    return end;
  }

  void take() {
    const char c = source_[at_];
    if (sees("R\"")) return add(TokenKind::kLiteral, end_of_raw_literal());
    if (c == '"' || c == '\'') return add(TokenKind::kLiteral, end_of_literal(c));
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) return add(TokenKind::kNumber, end_of_number());
    if (begins_word(c)) {
      std::size_t end = at_ + 1;
      while (end < source_.size() && continues_word(source_[end])) ++end;
      return add(TokenKind::kWord, end);
    }
    for (const std::string_view sign : kSigns) {
      if (sees(sign)) return add(TokenKind::kSign, at_ + sign.size());
    }
    add(TokenKind::kSign, at_ + 1);
  }

  void add(TokenKind kind, std::size_t end) {
    end = std::min(end, source_.size());
    tokens_.push_back({.kind = kind,
                       .text = source_.substr(at_, end - at_),
                       .at = at_,
                       .line = line_,
                       .blank_before = at_ == 0 || is_blank(source_[at_ - 1]),
                       .blank_after = end == source_.size() || is_blank(source_[end])});
    advance_to(end);
  }

  std::string_view source_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  unsigned line_ = 1;
};

}  // namespace

bool is_about_checking(std::string_view name) {
  constexpr std::string_view kNames[] = {"check", "touches", "point", "static_assert"};
  return name.starts_with("audit") || name.starts_with("dump") ||
         std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

SourceTokens::SourceTokens(std::string_view source) : source_(source), tokens_(Scanner(source).scan()) {
  match_brackets();
  leave_alone();
}

void SourceTokens::match_brackets() {
  std::vector<std::size_t> open;
  partners_.resize(tokens_.size());
  enclosing_.resize(tokens_.size());
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const Token& token = tokens_[i];
    partners_[i] = i;
    const bool closes = token.is(")") || token.is("]") || token.is("}");
    if (closes && !open.empty()) {
      partners_[i] = open.back();
      partners_[open.back()] = i;
      open.pop_back();
    }
    enclosing_[i] = open.empty() ? '\0' : tokens_[open.back()].text[0];
    if (token.kind == TokenKind::kSign && (token.is("(") || token.is("[") || token.is("{"))) open.push_back(i);
  }
}

// The arguments of check(), static_assert(), touches() and point(), and the bodies of audit…() and dump().
void SourceTokens::leave_alone() {
  const auto mark = [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i <= last; ++i) tokens_[i].is_changed = false;
  };
  for (std::size_t i = 0; i + 1 < tokens_.size(); ++i) {
    if (!tokens_[i].is_word() || !is_about_checking(tokens_[i].text) || !tokens_[i + 1].is("(")) continue;
    const std::size_t close = partners_[i + 1];
    mark(i, close);
    std::size_t next = close + 1;
    while (at(next).is("const") || at(next).is("noexcept")) ++next;
    if (at(next).is("{")) mark(next, partners_[next]);
  }
}

std::string_view SourceTokens::line(unsigned line) const {
  std::size_t begin = 0;
  for (unsigned before = 1; before < line; ++before) begin = source_.find('\n', begin) + 1;
  std::string_view text = source_.substr(begin, source_.find('\n', begin) - begin);
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace mmtwin::tools
