// Mutants of a source: each a small change of one line that a person could have made by mistake.
//
// Laws: none. Context: pure functions of a text. Cost: linear, and the list. The same text gives the same list, and an
// id names a mutant as long as its line stays where it is. A change may be no change at all (`equivalent`) or not
// compile; whoever builds it finds out. It deliberately leaves alone what only asserts, dumps or tells the explorer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/mutants/source_tokens.h"

namespace mmtwin::tools {

enum class MutationKind : std::uint8_t {
  kRelational,  // < <= > >= == !=
  kArithmetic,  // + - * / % ++ --, also with =
  kLogical,     // && || !
  kNegation,    // of a whole condition: if, while, for, ?:
  kBitwise,     // & | ^ ~ << >>, also with =
  kConstant,    // n to n + 1, n - 1, 0, 1; true, false
  kDrop,        // a statement that is a call, an assignment or a return
  kSwap,        // two arguments of the same look
  kJump,        // break, continue
};
std::string_view name_of(MutationKind kind);

// The `length` characters at `at` become `text`.
struct Replacement {
  MutationKind kind{};
  std::size_t at = 0, length = 0;
  std::string text;
};

// What each part of mutation.cc and mutation_statements.cc finds.
void change_signs(const SourceTokens& tokens, std::vector<Replacement>& into);
void change_constants(const SourceTokens& tokens, std::vector<Replacement>& into);
void negate_conditions(const SourceTokens& tokens, std::vector<Replacement>& into);
void drop_statements(const SourceTokens& tokens, std::vector<Replacement>& into);
void swap_arguments(const SourceTokens& tokens, std::vector<Replacement>& into);
void change_jumps(const SourceTokens& tokens, std::vector<Replacement>& into);

struct Mutant {
  std::string id;  // file:line:kind#k, k counts those of the kind on the line from 1
  std::string file;
  unsigned line = 0;
  Replacement replacement;
  std::string before, after;  // the line, without the blanks around it
};

// In the order of their places in the text; no two give the same text.
std::vector<Mutant> mutants_of(const std::string& file, std::string_view source);
std::string mutated(std::string_view source, const Mutant& mutant);

}  // namespace mmtwin::tools
