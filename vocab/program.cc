#include "vocab/program.h"

#include "vocab/operations.h"

namespace mmtwin {

Program::Program() = default;
Program::~Program() = default;
Program::Program(const Program&) = default;
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(const Program&) = default;
Program& Program::operator=(Program&&) noexcept = default;

void Program::clear() {
  operations.clear();
  recorded.clear();
  notes.clear();
}

std::size_t Program::length() const { return operations.size(); }

const Operation& Program::at(StepNumber step) const { return operations[step.raw() - 1]; }

}  // namespace mmtwin
