#include "fuzz/mutator.h"

#include <algorithm>
#include <cstring>

#include "lockstep/generate/draw_machine.h"
#include "vocab/bytes.h"
#include "vocab/kinds.h"
#include "vocab/operations.h"

extern "C" __attribute__((weak)) std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t limit);

namespace mmtwin::fuzz {
namespace {

using lockstep::Random;

constexpr unsigned kByteMutations = 10;  // percent of calls
constexpr std::size_t kMostRun = 12;     // operations that are deleted or duplicated at once

struct Run {
  std::size_t first, count;
};
Run draw_run(const std::vector<Operation>& operations, Random& random) {
  const std::size_t first = random.below(operations.size());
  const std::size_t most = std::min(kMostRun, operations.size() - first);
  return {first, random.between(1, most)};
}

void delete_run(std::vector<Operation>& operations, Random& random) {
  const Run run = draw_run(operations, random);
  const auto first = operations.begin() + static_cast<std::ptrdiff_t>(run.first);
  operations.erase(first, first + static_cast<std::ptrdiff_t>(run.count));
}

void insert(std::vector<Operation>& operations, std::size_t at, const std::vector<Operation>& what) {
  operations.insert(operations.begin() + static_cast<std::ptrdiff_t>(at), what.begin(), what.end());
}

void duplicate_run(std::vector<Operation>& operations, Random& random, std::vector<Operation>& scratch) {
  const Run run = draw_run(operations, random);
  const auto first = operations.begin() + static_cast<std::ptrdiff_t>(run.first);
  scratch.assign(first, first + static_cast<std::ptrdiff_t>(run.count));
  const bool is_next_to_it = random.percent(50);
  const std::size_t anywhere = random.below(operations.size() + 1);
  insert(operations, is_next_to_it ? run.first + run.count : anywhere, scratch);
}

void swap_two(std::vector<Operation>& operations, Random& random) {
  const std::size_t first = random.below(operations.size());
  const bool is_near = random.percent(60);
  const std::size_t second = is_near ? std::min(first + 1, operations.size() - 1) : random.below(operations.size());
  std::swap(operations[first], operations[second]);
}

}  // namespace

lockstep::Generator Mutator::generator_after(const std::vector<Operation>& operations, std::size_t count,
                                             Random& random) const {
  lockstep::GenerateOptions options;
  options.seed = random.next();
  options.machine = program_.machine;
  options.kinds = kinds_;
  options.swarm = false;
  options.pauses = 50;
  lockstep::Generator generator(options);
  for (std::size_t i = 0; i < count; ++i) generator.assume(operations[i]);
  return generator;
}

void Mutator::insert_scene(Program& program, Random& random) {
  const bool at_end = random.percent(40);
  const std::size_t at = at_end ? program.operations.size() : random.below(program.operations.size() + 1);
  lockstep::Generator generator = generator_after(program.operations, at, random);
  operations_.clear();
  const std::size_t scenes = random.between(1, 3);
  for (std::size_t i = 0; i < scenes; ++i) generator.scene(operations_);
  insert(program.operations, at, operations_);
}

void Mutator::tweak(Program& program, Random& random) {
  const std::size_t at = random.below(program.operations.size());
  generator_after(program.operations, at, random).tweak(program.operations[at]);
}

void Mutator::mutate_once(Program& program, Random& random) {
  const std::uint64_t way = random.below(100);
  if (program.operations.empty() || way < 40) return insert_scene(program, random);
  if (way < 62) return tweak(program, random);
  if (way < 78) return delete_run(program.operations, random);
  if (way < 88) return duplicate_run(program.operations, random, operations_);
  swap_two(program.operations, random);
}

// Mostly it names what nothing makes any more.
void Mutator::drop_what_is_in_vain(std::vector<Operation>& operations, Random& random) const {
  lockstep::Foresight known(program_.machine, lockstep::GenerateOptions{}.handles);
  std::erase_if(operations, [&](const Operation& operation) {
    if (known.is_in_vain(operation)) return !random.percent(5);
    known.play(operation);
    return false;
  });
}

std::size_t Mutator::write(Program& program, std::uint8_t* into, std::size_t limit, Random& random) {
  // Operations that came from a larger machine may name CPUs or nodes that this one lacks; decoding folds them.
  if (!in_bounds(program)) {
    encode(program, bytes_);
    decode(bytes_, program);
  }
  drop_what_is_in_vain(program.operations, random);
  encode_within(program, bytes_, limit);
  const std::size_t size = std::min(bytes_.size(), limit);
  if (size != 0) std::memcpy(into, bytes_.data(), size);
  return size;
}

std::size_t Mutator::mutate(std::uint8_t* data, std::size_t size, std::size_t limit, std::uint64_t seed) {
  Random random(seed);
  const bool by_bytes = random.percent(kByteMutations);
  if (by_bytes && LLVMFuzzerMutate != nullptr) return LLVMFuzzerMutate(data, size, limit);
  decode({data, size}, program_);
  // The operations follow into the new machine.
  if (random.percent(2)) program_.machine = lockstep::draw_machine(random);
  const std::uint64_t times = random.between(1, 3);
  for (std::uint64_t i = 0; i < times; ++i) mutate_once(program_, random);
  return write(program_, data, limit, random);
}

std::size_t Mutator::cross_over(std::span<const std::uint8_t> first, std::span<const std::uint8_t> second,
                                std::span<std::uint8_t> into, std::uint64_t seed) {
  Random random(seed);
  decode(first, program_);
  decode(second, other_);
  const std::vector<Operation>& from = other_.operations;
  const std::size_t at = random.below(program_.operations.size() + 1);
  const std::size_t begin = random.below(from.size() + 1);
  const std::size_t rest = from.size() - begin;
  const bool takes_all = random.percent(50);
  const std::size_t count = takes_all ? rest : random.below(rest + 1);
  operations_.assign(from.begin() + static_cast<std::ptrdiff_t>(begin),
                     from.begin() + static_cast<std::ptrdiff_t>(begin + count));
  const bool replaces_end = random.percent(50);
  if (replaces_end) program_.operations.resize(at);
  insert(program_.operations, at, operations_);
  return write(program_, into.data(), into.size(), random);
}

}  // namespace mmtwin::fuzz
