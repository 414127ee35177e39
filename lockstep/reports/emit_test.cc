#include "lockstep/reports/emit_test.h"

#include <cctype>

#include "vocab/text.h"

namespace mmtwin::lockstep {

namespace {

std::string identifier(std::string_view name) {
  std::string text;
  bool starts_word = true;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (!std::isalnum(byte)) {
      starts_word = true;
    } else {
      text += starts_word ? static_cast<char>(std::toupper(byte)) : c;
      starts_word = false;
    }
  }
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text.front()))) text.insert(0, "Trace");
  return text;
}

}  // namespace

std::string emit_test(const Program& program, const Signature& signature, std::string_view name) {
  std::string text;
  text += "// Once failed with: " + signature.print() + ".\n";
  text += "#include <gtest/gtest.h>\n\n";
  text += "#include \"lockstep/reports/divergence.h\"\n#include \"lockstep/run/run.h\"\n";
  text += "#include \"lockstep/suts/ours/ours.h\"\n#include \"vocab/text.h\"\n\n";
  text += "TEST(Regression, " + identifier(name) + ") {\n";
  text += "  const mmtwin::Parsed<mmtwin::Program> program = mmtwin::parse_program(R\"trace(" + print(program) +
          ")trace\");\n";
  text += "  ASSERT_TRUE(program.ok()) << mmtwin::print(program.error());\n";
  text += "  const auto system = mmtwin::lockstep::make_ours();\n";
  text += "  mmtwin::lockstep::Runner runner(*system);\n";
  text += "  const mmtwin::lockstep::RunOutcome outcome = runner.run(program.value());\n";
  text += "  EXPECT_EQ(outcome.verdict, mmtwin::lockstep::Verdict::kAgreed)\n";
  text += "      << mmtwin::lockstep::describe_failure(runner, program.value(), outcome, \"this test\").print();\n";
  text += "}\n";
  return text;
}

}  // namespace mmtwin::lockstep
