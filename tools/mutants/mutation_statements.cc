// Mutations that need more of a source's shape than one sign: conditions, statements, arguments, jumps.
#include <algorithm>
#include <array>
#include <iterator>

#include "tools/mutants/mutation.h"

namespace mmtwin::tools {
namespace {

template <std::size_t N>
bool is_one_of(const Token& token, const std::string_view (&names)[N]) {
  return std::find(std::begin(names), std::end(names), token.text) != std::end(names);
}

constexpr std::string_view kAssignments[] = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="};

// Changed as a whole: every token of it may be, and it stands on one line.
bool may_change(const SourceTokens& tokens, std::size_t first, std::size_t last) {
  if (first > last || last >= tokens.size() || !tokens.is_on_one_line(first, last)) return false;
  for (std::size_t i = first; i <= last; ++i) {
    if (!tokens[i].is_changed) return false;
  }
  return true;
}

// The first of `what` from `i` on that is enclosed by nothing opened since; `end` if there is none before it.
std::size_t find_beside(const SourceTokens& tokens, std::size_t i, std::size_t end, std::string_view what) {
  while (i < end && !tokens[i].is(what)) i = std::max(tokens.partner(i), i) + 1;
  return std::min(i, end);
}

void negate(const SourceTokens& tokens, std::size_t first, std::size_t end, std::vector<Replacement>& into) {
  if (first >= end || !may_change(tokens, first, end - 1)) return;
  // A condition that declares or sets something is no expression to be negated.
  if (find_beside(tokens, first, end, "=") != end || find_beside(tokens, first, end, ";") != end) return;
  const std::string_view text = tokens.text(first, end - 1);
  into.push_back({MutationKind::kNegation, tokens[first].at, text.size(), "!(" + std::string(text) + ")"});
}

// Where the condition of the `?` begins: after what binds less than it does.
std::size_t begin_of_condition(const SourceTokens& tokens, std::size_t question) {
  constexpr std::string_view kBefore[] = {"(", "[", "{", ",", ";", "?", ":", "return"};
  std::size_t first = question;
  while (first > 0) {
    const Token& before = tokens[first - 1];
    if (is_one_of(before, kBefore) || is_one_of(before, kAssignments)) break;
    first = std::min(tokens.partner(first - 1), first - 1);
  }
  return first;
}

// After `;`, `{`, `}`, `else` or the head of an if or a loop; not inside of parentheses.
bool begins_statement(const SourceTokens& tokens, std::size_t i) {
  constexpr std::string_view kHeads[] = {"if", "for", "while", "constexpr"};
  if (i == 0 || tokens.enclosing(i) != '{') return false;
  const Token& before = tokens[i - 1];
  if (before.is(")")) {
    const std::size_t open = tokens.partner(i - 1);
    return open != i - 1 && open > 0 && is_one_of(tokens[open - 1], kHeads);
  }
  return before.is(";") || before.is("{") || before.is("}") || before.is("else");
}

// A call, an assignment, or a step up or down; no declaration, whose words stand side by side.
bool does_something(const SourceTokens& tokens, std::size_t first, std::size_t end) {
  constexpr std::string_view kOthers[] = {"auto",  "const",  "constexpr", "using",     "struct", "class",
                                          "enum",  "static", "template",  "namespace", "friend", "case",
                                          "if",    "for",    "while",     "switch",    "do",     "else",
                                          "break", "delete", "default",   "continue",  "return", "explicit"};
  constexpr std::string_view kJoints[] = {"::", ".", "->"};
  bool has_step = false, ends_in_call = false;
  std::size_t i = first;
  for (; i < end && (tokens[i].is("++") || tokens[i].is("--") || tokens[i].is("*")); ++i)
    has_step = has_step || !tokens[i].is("*");
  for (bool after_word = false; i < end; ++i) {
    const Token& token = tokens[i];
    if (token.is_word()) {
      if (after_word || is_one_of(token, kOthers) || is_about_checking(token.text)) return false;
    } else if (token.is("(") || token.is("[")) {
      ends_in_call = token.is("(") && i > first;
      i = tokens.partner(i);
    } else if (is_one_of(token, kAssignments)) {
      return i > first && !tokens.at(i + 1).is("delete") && !tokens.at(i + 1).is("default");
    } else if ((token.is("++") || token.is("--")) && i + 1 == end) {
      has_step = true;
    } else if (!is_one_of(token, kJoints)) {
      return false;
    }
    after_word = token.is_word();
  }
  return has_step || ends_in_call;
}

struct Argument {
  std::size_t first, end;
};

std::vector<Argument> arguments_of(const SourceTokens& tokens, std::size_t open) {
  std::vector<Argument> arguments;
  const std::size_t close = tokens.partner(open);
  for (std::size_t first = open + 1; first < close;) {
    const std::size_t end = find_beside(tokens, first, close, ",");
    arguments.push_back({first, end});
    first = end + 1;
  }
  return arguments;
}

// One token after another of the same kind, the signs equal; no declaration.
bool look_alike(const SourceTokens& tokens, Argument a, Argument b) {
  if (a.first >= a.end || a.end - a.first != b.end - b.first) return false;
  for (std::size_t i = 0; i < a.end - a.first; ++i) {
    const Token& left = tokens[a.first + i];
    const Token& right = tokens[b.first + i];
    if (left.kind != right.kind || left.is("{") || left.is("&") || left.is("*") || left.is("<")) return false;
    if (left.text.ends_with('_') != right.text.ends_with('_')) return false;  // a member beside what is handed on
    if (left.kind == TokenKind::kSign && !left.is(right.text)) return false;
    if (i > 0 && left.is_word() && tokens[a.first + i - 1].is_word()) return false;
  }
  return true;
}

}  // namespace

void negate_conditions(const SourceTokens& tokens, std::vector<Replacement>& into) {
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    const std::size_t first = i + 2, end = tokens.partner(i + 1);
    if ((tokens[i].is("if") || tokens[i].is("while")) && tokens[i + 1].is("(")) {
      negate(tokens, first, end, into);
    } else if (tokens[i].is("for") && tokens[i + 1].is("(")) {
      const std::size_t begin = find_beside(tokens, first, end, ";");
      if (begin != end) negate(tokens, begin + 1, find_beside(tokens, begin + 1, end, ";"), into);
    } else if (tokens[i].is("?") && tokens[i].kind == TokenKind::kSign) {
      negate(tokens, begin_of_condition(tokens, i), i, into);
    }
  }
}

void drop_statements(const SourceTokens& tokens, std::vector<Replacement>& into) {
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    if (!begins_statement(tokens, i)) continue;
    std::size_t end = i;
    while (end < tokens.size() && !tokens[end].is(";") && !tokens[end].is("}"))
      end = std::max(tokens.partner(end), end) + 1;
    if (end >= tokens.size() || !tokens[end].is(";") || !may_change(tokens, i, end)) continue;
    // What falls off the end of a function has no meaning that a judge could object to.
    const bool returns_early = tokens[i].is("return") && !tokens.at(end + 1).is("}");
    if (!returns_early && !does_something(tokens, i, end)) continue;
    into.push_back({MutationKind::kDrop, tokens[i].at, tokens[end].end() - tokens[i].at, ";"});
  }
}

void swap_arguments(const SourceTokens& tokens, std::vector<Replacement>& into) {
  constexpr std::string_view kNoCalls[] = {"if", "for", "while", "switch", "return", "max", "min"};
  for (std::size_t open = 1; open < tokens.size(); ++open) {
    if (!tokens[open].is("(") || !tokens[open - 1].is_word() || is_one_of(tokens[open - 1], kNoCalls)) continue;
    const std::vector<Argument> arguments = arguments_of(tokens, open);
    for (std::size_t i = 0; i + 1 < arguments.size(); ++i) {
      const Argument a = arguments[i], b = arguments[i + 1];
      if (!look_alike(tokens, a, b) || !may_change(tokens, a.first, b.end - 1)) continue;
      const std::string left(tokens.text(a.first, a.end - 1)), right(tokens.text(b.first, b.end - 1));
      const std::string_view all = tokens.text(a.first, b.end - 1);
      const std::string between(all.substr(left.size(), all.size() - left.size() - right.size()));
      into.push_back({MutationKind::kSwap, tokens[a.first].at, all.size(), right + between + left});
    }
  }
}

void change_jumps(const SourceTokens& tokens, std::vector<Replacement>& into) {
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (!token.is_changed || !tokens[i + 1].is(";") || (!token.is("break") && !token.is("continue"))) continue;
    into.push_back({MutationKind::kJump, token.at, token.text.size(), token.is("break") ? "continue" : "break"});
    into.push_back({MutationKind::kJump, token.at, token.text.size(), ""});
  }
}

}  // namespace mmtwin::tools
