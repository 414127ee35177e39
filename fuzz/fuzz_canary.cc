// A system that lies: every campaign on it must end with a finding within seconds, or the harness has gone blind.
#include "fuzz/lying_system.h"
#include "fuzz/target.h"
#include "lockstep/suts/ours/ours.h"

namespace {

mmtwin::fuzz::Target& target() {
  static mmtwin::fuzz::Target only({.name = "fuzz_canary"},
                                   std::make_unique<mmtwin::fuzz::LyingSystem>(mmtwin::lockstep::make_ours()));
  return only;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { return target().run({data, size}); }

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t limit, unsigned seed) {
  return target().mutator().mutate(data, size, limit, seed);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* first, std::size_t first_size,
                                                 const std::uint8_t* second, std::size_t second_size,
                                                 std::uint8_t* into, std::size_t limit, unsigned seed) {
  return target().mutator().cross_over({first, first_size}, {second, second_size}, {into, limit}, seed);
}
