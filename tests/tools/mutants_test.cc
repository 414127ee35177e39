#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tools/mutants/mutant_choice.h"
#include "tools/mutants/mutation.h"
#include "tools/mutants/source_tokens.h"

namespace mmtwin::tools {
namespace {

using Texts = std::vector<std::string>;

Texts words_of(std::string_view source) {
  const SourceTokens tokens(source);
  Texts texts;
  for (std::size_t i = 0; i < tokens.size(); ++i) texts.emplace_back(tokens[i].text);
  return texts;
}

// The statement inside a function, and what the changes of one kind make of its line.
Texts changes(MutationKind kind, const std::string& line) {
  Texts found;
  for (const Mutant& mutant : mutants_of("impl/x.cc", "void f() {\n  " + line + "\n  g();\n}\n")) {
    if (mutant.replacement.kind == kind && mutant.line == 2) found.push_back(mutant.after);
  }
  return found;
}

std::size_t changes_of_all_kinds(const std::string& source) { return mutants_of("impl/x.cc", source).size(); }

TEST(SourceTokens, CommentsDirectivesAndAttributesAreNone) {
  EXPECT_EQ(words_of("#include <a>\n#define X \\\n  1 + 2\n[[nodiscard]] int a; // b < c\n/* d\n */ int e;"),
            (Texts{"int", "a", ";", "int", "e", ";"}));
}

TEST(SourceTokens, LiteralsAreOneTokenWhateverIsInThem) {
  EXPECT_EQ(words_of(R"x(f("a < \" b", '"', R"(c " d)", 0x1'000u) >>= 1;)x"),
            (Texts{"f", "(", R"("a < \" b")", ",", "'\"'", ",", R"x(R"(c " d)")x", ",", "0x1'000u", ")", ">>=", "1",
                   ";"}));
}

TEST(SourceTokens, LinesCountThroughEverythingThatIsSkipped) {
  const SourceTokens tokens("/*\n*/ a\n#if 1 \\\n + 1\nb R\"(\n)\" c");
  ASSERT_EQ(tokens.size(), 4u);
  EXPECT_EQ(tokens[0].line, 2u);
  EXPECT_EQ(tokens[1].line, 5u);
  EXPECT_EQ(tokens[3].line, 6u);
  EXPECT_EQ(tokens.line(2), "*/ a");
}

TEST(SourceTokens, ABracketKnowsItsPartner) {
  const SourceTokens tokens("f(a[1], {b});");
  EXPECT_EQ(tokens.partner(1), 10u);
  EXPECT_EQ(tokens.partner(10), 1u);
  EXPECT_EQ(tokens.partner(3), 5u);
  EXPECT_EQ(tokens.partner(0), 0u);
  EXPECT_EQ(tokens.enclosing(8), '{');
  EXPECT_EQ(tokens.enclosing(7), '(');
}

TEST(Mutation, Relational) {
  EXPECT_EQ(changes(MutationKind::kRelational, "if (a < b) h();"), (Texts{"if (a <= b) h();", "if (a >= b) h();"}));
  EXPECT_EQ(changes(MutationKind::kRelational, "x = a == b;"), Texts{"x = a != b;"});
}

TEST(Mutation, WhatHasNoBlanksAroundItIsNoOperator) {
  EXPECT_EQ(changes(MutationKind::kRelational, "std::array<std::vector<int>, kMost> x;"), Texts{});
  EXPECT_EQ(changes(MutationKind::kBitwise, "const Range& e = h(&x, *y);"), Texts{});
  EXPECT_EQ(changes(MutationKind::kArithmetic, "Range* e = h(-x, *y);"), Texts{});
  EXPECT_EQ(changes(MutationKind::kLogical, "h([](auto&& a) { return a; });"), Texts{});
  EXPECT_EQ(changes_of_all_kinds("template <class T>\nbool operator<(T a, T b);\nbool operator !=(T a, T b);\n"), 0u);
}

TEST(Mutation, Arithmetic) {
  EXPECT_EQ(changes(MutationKind::kArithmetic, "a += b * c;"), (Texts{"a -= b * c;", "a += b + c;", "a += b / c;"}));
  EXPECT_EQ(changes(MutationKind::kArithmetic, "++a;"), Texts{"--a;"});
}

TEST(Mutation, Logical) {
  EXPECT_EQ(changes(MutationKind::kLogical, "if (a && !b(c)) h();"),
            (Texts{"if (a || !b(c)) h();", "if (a && b(c)) h();"}));
}

TEST(Mutation, ConditionsAreNegatedAsAWhole) {
  EXPECT_EQ(changes(MutationKind::kNegation, "if (a && b(c)) h();"), Texts{"if (!(a && b(c))) h();"});
  EXPECT_EQ(changes(MutationKind::kNegation, "while (a(b)) ++c;"), Texts{"while (!(a(b))) ++c;"});
  EXPECT_EQ(changes(MutationKind::kNegation, "for (int i = 0; i < n; ++i) h();"),
            Texts{"for (int i = 0; !(i < n); ++i) h();"});
  EXPECT_EQ(changes(MutationKind::kNegation, "x = a || f(b) ? c : d;"), Texts{"x = !(a || f(b)) ? c : d;"});
  EXPECT_EQ(changes(MutationKind::kNegation, "return a ? b : c ? d : e;"),
            (Texts{"return !(a) ? b : c ? d : e;", "return a ? b : !(c) ? d : e;"}));
}

TEST(Mutation, WhatIsNoConditionIsNotNegated) {
  EXPECT_EQ(changes(MutationKind::kNegation, "if constexpr (a) h();"), Texts{});
  EXPECT_EQ(changes(MutationKind::kNegation, "if (auto x = h()) i();"), Texts{});
  EXPECT_EQ(changes(MutationKind::kNegation, "for (int i : h) i();"), Texts{});
  // It would take more than one line.
  EXPECT_EQ(changes(MutationKind::kNegation, "if (a &&\n      b) h();"), Texts{});
}

TEST(Mutation, Bitwise) {
  EXPECT_EQ(changes(MutationKind::kBitwise, "a = b & ~c;"), (Texts{"a = b ^ ~c;", "a = b | ~c;", "a = b & c;"}));
  EXPECT_EQ(changes(MutationKind::kBitwise, "a >>= b << c;"), (Texts{"a <<= b << c;", "a >>= b >> c;"}));
}

TEST(Mutation, Constants) {
  EXPECT_EQ(changes(MutationKind::kConstant, "h(7u);"), (Texts{"h(0u);", "h(1u);", "h(6u);", "h(8u);"}));
  EXPECT_EQ(changes(MutationKind::kConstant, "h(0);"), Texts{"h(1);"});
  EXPECT_EQ(changes(MutationKind::kConstant, "h(0x1'0);"), (Texts{"h(0x0);", "h(0x1);", "h(0x11);", "h(0xf);"}));
  EXPECT_EQ(changes(MutationKind::kConstant, "h(true, 1.5, x2);"), Texts{"h(false, 1.5, x2);"});
}

TEST(Mutation, StatementsThatDoSomethingAreDropped) {
  for (const char* statement : {"h(a, b);", "a.b->c(d);", "*a = b;", "a[i].b += c;", "++a;", "a--;", "X::h();"})
    EXPECT_EQ(changes(MutationKind::kDrop, statement), Texts{";"}) << statement;
  EXPECT_EQ(changes(MutationKind::kDrop, "if (a) return b;"), Texts{"if (a) ;"});
  EXPECT_EQ(changes(MutationKind::kDrop, "for (;;) h();"), Texts{"for (;;) ;"});
}

TEST(Mutation, DeclarationsAndLastReturnsAreNotDropped) {
  for (const char* statement : {"int a = b;", "Range& a = b;", "std::vector<int> a(b);", "auto [a, b] = c;",
                                "using a = b;", "X() = delete;", "if (a) { return b; }", "break;"})
    EXPECT_EQ(changes(MutationKind::kDrop, statement), Texts{}) << statement;
}

TEST(Mutation, ArgumentsThatLookAlikeAreSwapped) {
  EXPECT_EQ(changes(MutationKind::kSwap, "h(a, b);"), Texts{"h(b, a);"});
  EXPECT_EQ(changes(MutationKind::kSwap, "h(a.x(), b.y(), 1);"), Texts{"h(b.y(), a.x(), 1);"});
  EXPECT_EQ(changes(MutationKind::kSwap, "h(a, b + c, std::max(d, e));"), Texts{});
  EXPECT_EQ(changes(MutationKind::kSwap, "h(a, a);"), Texts{});
  EXPECT_EQ(changes(MutationKind::kSwap, "h(machine_, b);"), Texts{});
  EXPECT_EQ(changes(MutationKind::kSwap, "void h(A a, Ref<B> b, Ref<C> c);"), Texts{});
  EXPECT_EQ(changes_of_all_kinds("void f(int a, int b);\n"), 0u);
}

TEST(Mutation, Jumps) {
  EXPECT_EQ(changes(MutationKind::kJump, "if (a) break;"), (Texts{"if (a) ;", "if (a) continue;"}));
  EXPECT_EQ(changes(MutationKind::kJump, "if (a) continue;"), (Texts{"if (a) ;", "if (a) break;"}));
}

TEST(Mutation, WhatOnlyChecksDumpsOrTellsIsLeftAlone) {
  EXPECT_EQ(changes_of_all_kinds("// a < 1\n/* b && true */\n#if X < 2\n#endif\nconst char* c = \"d < 3\";\n"), 0u);
  EXPECT_EQ(changes_of_all_kinds("static_assert(a < 1 && b(c, d), \"e\");\n"), 0u);
  EXPECT_EQ(changes_of_all_kinds("void f() {\n  check(a < b && !c, \"d\");\n  touches(a, true);\n}\n"), 0u);
  EXPECT_EQ(changes_of_all_kinds("void f() {\n  point(x[1]);\n}\n"), 0u);
  EXPECT_EQ(changes_of_all_kinds("void X::audit_list() const {\n  if (a < 1) b(c, d);\n}\n"), 0u);
  EXPECT_EQ(changes_of_all_kinds("void X::dump(File* to) const {\n  for (int i = 0; i < 9; ++i) b(c, d);\n}\n"), 0u);
  EXPECT_GT(changes_of_all_kinds("void X::work(File* to) const {\n  for (int i = 0; i < 9; ++i) b(c, d);\n}\n"), 5u);
}

TEST(Mutation, AMutantDiffersInItsLineAlone) {
  const std::string source = "void f() {\n  if (a < 1 || !b) c(d, e);\n  g = h & 3;\n  i();\n}\n";
  std::set<std::string> texts = {source}, ids;
  for (const Mutant& mutant : mutants_of("impl/x.cc", source)) {
    const std::string text = mutated(source, mutant);
    EXPECT_TRUE(texts.insert(text).second) << mutant.id;
    EXPECT_TRUE(ids.insert(mutant.id).second) << mutant.id;
    for (unsigned line = 1; line <= 5; ++line) {
      const std::string_view was = SourceTokens(source).line(line);
      EXPECT_EQ(SourceTokens(text).line(line), line == mutant.line ? mutant.after : was) << mutant.id;
    }
  }
  EXPECT_GT(ids.size(), 15u);
  EXPECT_TRUE(ids.contains("impl/x.cc:2:relational#2"));
}

// ---- the choice, on this very tree ----

std::vector<Mutant> of_tree(const std::string& only) {
  auto all = all_mutants(".", only);
  return std::holds_alternative<FileProblem>(all) ? std::vector<Mutant>{} : std::get<std::vector<Mutant>>(all);
}

Texts ids_of(const std::vector<Mutant>& mutants) {
  Texts ids;
  for (const Mutant& mutant : mutants) ids.push_back(mutant.id);
  return ids;
}

TEST(MutantChoice, TheSameSeedDrawsTheSameAndEachPlaceOnce) {
  const std::vector<Mutant> all = of_tree("");
  ASSERT_GT(all.size(), 1000u);
  EXPECT_EQ(ids_of(draw(all, 1)), ids_of(draw(all, 1)));
  EXPECT_NE(ids_of(draw(all, 1)), ids_of(draw(all, 2)));
  std::set<std::pair<std::string, std::size_t>> places, drawn;
  for (const Mutant& mutant : all) places.emplace(mutant.file, mutant.replacement.at);
  for (const Mutant& mutant : draw(all, 1)) EXPECT_TRUE(drawn.emplace(mutant.file, mutant.replacement.at).second);
  EXPECT_EQ(places, drawn);
}

TEST(MutantChoice, ThePatternSaysWhichFiles) {
  for (const Mutant& mutant : of_tree("impl/phys/*")) EXPECT_TRUE(mutant.file.starts_with("impl/phys/")) << mutant.id;
  EXPECT_FALSE(of_tree("impl/phys/*").empty());
  EXPECT_TRUE(of_tree("model/*").empty());
  for (const Mutant& mutant : of_tree("")) EXPECT_FALSE(mutant.file.starts_with("impl/platform/threads/")) << mutant.id;
}

TEST(MutantChoice, IdsNameMutantsAndAnUnknownOneIsAProblem) {
  const std::vector<Mutant> all = of_tree("impl/phys/buddy.cc");
  ASSERT_GT(all.size(), 7u);
  const auto picked = pick(all, all[7].id + "  for a reason\n\n" + all[2].id + "\n");
  ASSERT_TRUE(std::holds_alternative<std::vector<Mutant>>(picked));
  EXPECT_EQ(ids_of(std::get<std::vector<Mutant>>(picked)), (Texts{all[7].id, all[2].id}));
  EXPECT_TRUE(std::holds_alternative<FileProblem>(pick(all, "impl/phys/buddy.cc:1:drop#9\n")));
}

}  // namespace
}  // namespace mmtwin::tools
