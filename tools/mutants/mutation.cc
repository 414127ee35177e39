#include "tools/mutants/mutation.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace mmtwin::tools {
namespace {

struct SignChange {
  std::string_view from;
  MutationKind kind;
  std::vector<std::string_view> to;
};

const std::vector<SignChange>& sign_changes() {
  using enum MutationKind;
  static const std::vector<SignChange> changes = {
      {"<", kRelational, {"<=", ">="}}, {"<=", kRelational, {"<", ">"}},  {">", kRelational, {">=", "<="}},
      {">=", kRelational, {">", "<"}},  {"==", kRelational, {"!="}},      {"!=", kRelational, {"=="}},
      {"+", kArithmetic, {"-"}},        {"-", kArithmetic, {"+"}},        {"*", kArithmetic, {"/", "+"}},
      {"/", kArithmetic, {"*"}},        {"%", kArithmetic, {"/"}},        {"+=", kArithmetic, {"-="}},
      {"-=", kArithmetic, {"+="}},      {"*=", kArithmetic, {"/="}},      {"&&", kLogical, {"||"}},
      {"||", kLogical, {"&&"}},         {"&", kBitwise, {"|", "^"}},      {"|", kBitwise, {"&", "^"}},
      {"^", kBitwise, {"&", "|"}},      {"<<", kBitwise, {">>"}},         {">>", kBitwise, {"<<"}},
      {"&=", kBitwise, {"|=", "^="}},   {"|=", kBitwise, {"&=", "^="}},   {"<<=", kBitwise, {">>="}},
      {">>=", kBitwise, {"<<="}},
  };
  return changes;
}

// Signs that are what they are whatever stands around them.
std::optional<Replacement> change_of_unary(const Token& token) {
  using enum MutationKind;
  const bool is_prefix = !token.blank_after;
  if (token.is("++")) return Replacement{kArithmetic, token.at, token.text.size(), "--"};
  if (token.is("--")) return Replacement{kArithmetic, token.at, token.text.size(), "++"};
  if (token.is("!") && is_prefix) return Replacement{kLogical, token.at, 1, ""};
  if (token.is("~") && is_prefix) return Replacement{kBitwise, token.at, 1, ""};
  return std::nullopt;
}

struct Literal {
  std::uint64_t value = 0;
  bool is_hexadecimal = false;
  std::string suffix;
};

// nullopt: no integer of 64 bits.
std::optional<Literal> literal_of(std::string_view text) {
  Literal literal;
  std::string digits;
  for (const char c : text) {
    if (c != '\'') digits += c;
  }
  const std::size_t end = digits.find_last_not_of("uUlLzZ") + 1;
  literal.suffix = digits.substr(end);
  digits.resize(end);
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0b")) {
    literal.is_hexadecimal = digits[1] == 'x';
    base = literal.is_hexadecimal ? 16 : 2;
    digits.erase(0, 2);
  }
  if (digits.empty() || digits.find('.') != digits.npos) return std::nullopt;
  char* stopped = nullptr;
  errno = 0;
  literal.value = std::strtoull(digits.c_str(), &stopped, base);
  if (errno != 0 || *stopped != '\0') return std::nullopt;
  return literal;
}

std::string text_of(const Literal& like, std::uint64_t value) {
  return like.is_hexadecimal ? fmt::format("{:#x}{}", value, like.suffix) : fmt::format("{}{}", value, like.suffix);
}

}  // namespace

std::string_view name_of(MutationKind kind) {
  switch (kind) {
    case MutationKind::kRelational: return "relational";
    case MutationKind::kArithmetic: return "arithmetic";
    case MutationKind::kLogical: return "logical";
    case MutationKind::kNegation: return "negation";
    case MutationKind::kBitwise: return "bitwise";
    case MutationKind::kConstant: return "constant";
    case MutationKind::kDrop: return "drop";
    case MutationKind::kSwap: return "swap";
    case MutationKind::kJump: return "jump";
  }
  std::abort();
}

void change_signs(const SourceTokens& tokens, std::vector<Replacement>& into) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (token.kind != TokenKind::kSign || !token.is_changed || tokens.at(i - 1).is("operator")) continue;
    if (auto change = change_of_unary(token)) {
      into.push_back(std::move(*change));
      continue;
    }
    if (!token.is_binary()) continue;
    for (const SignChange& change : sign_changes()) {
      if (!token.is(change.from)) continue;
      for (const std::string_view to : change.to)
        into.push_back({change.kind, token.at, token.text.size(), std::string(to)});
    }
  }
}

void change_constants(const SourceTokens& tokens, std::vector<Replacement>& into) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (!token.is_changed) continue;
    const auto change_to = [&](std::string text) {
      into.push_back({MutationKind::kConstant, token.at, token.text.size(), std::move(text)});
    };
    if (token.is("true")) change_to("false");
    if (token.is("false")) change_to("true");
    if (token.kind != TokenKind::kNumber) continue;
    const auto literal = literal_of(token.text);
    if (!literal) continue;
    std::set<std::uint64_t> values = {literal->value + 1, literal->value == 0 ? 1 : literal->value - 1, 0, 1};
    values.erase(literal->value);
    for (const std::uint64_t value : values) change_to(text_of(*literal, value));
  }
}

std::string mutated(std::string_view source, const Mutant& mutant) {
  std::string text(source);
  return text.replace(mutant.replacement.at, mutant.replacement.length, mutant.replacement.text);
}

std::vector<Mutant> mutants_of(const std::string& file, std::string_view source) {
  const SourceTokens tokens(source);
  std::vector<Replacement> found;
  change_signs(tokens, found);
  change_constants(tokens, found);
  negate_conditions(tokens, found);
  drop_statements(tokens, found);
  swap_arguments(tokens, found);
  change_jumps(tokens, found);
  std::sort(found.begin(), found.end(), [](const Replacement& a, const Replacement& b) {
    return std::tie(a.at, a.kind, a.length, a.text) < std::tie(b.at, b.kind, b.length, b.text);
  });
  std::vector<Mutant> mutants;
  std::map<std::pair<unsigned, MutationKind>, unsigned> counts;
  unsigned line = 1;
  std::size_t counted = 0, line_begin = 0;
  for (Replacement& replacement : found) {
    for (; counted < replacement.at; ++counted) {
      if (source[counted] != '\n') continue;
      ++line;
      line_begin = counted + 1;
    }
    Mutant mutant{.id = {}, .file = file, .line = line, .replacement = std::move(replacement), .before = {},
                  .after = {}};
    const std::string_view before = source.substr(line_begin, source.find('\n', line_begin) - line_begin);
    const std::string after =
        std::string(before).replace(mutant.replacement.at - line_begin, mutant.replacement.length,
                                    mutant.replacement.text);
    if (after == before) continue;
    mutant.before = SourceTokens(before).line(1);
    mutant.after = SourceTokens(after).line(1);
    const MutationKind kind = mutant.replacement.kind;
    mutant.id = fmt::format("{}:{}:{}#{}", file, line, name_of(kind), ++counts[{line, kind}]);
    mutants.push_back(std::move(mutant));
  }
  return mutants;
}

}  // namespace mmtwin::tools
