// Mutation of byte programs by operations: what a byte mutator finds by luck, done on purpose.
//
// Laws: none. Context: one thread; all randomness comes from the engine's seed. Cost: microseconds. Scenes are inserted
// aimed at what the program has built up to that point; runs are deleted, duplicated, moved; single fields redrawn;
// what means nothing any more then goes, nearly always. A tenth of the calls goes to the engine's own byte mutator
// where one is linked. It deliberately never fails: every result is a program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lockstep/generate/generate.h"
#include "vocab/operations.h"
#include "vocab/program.h"

namespace mmtwin::fuzz {

class Mutator {
 public:
  // `kinds`: what inserted scenes are made of.
  explicit Mutator(lockstep::KindMask kinds) : kinds_(kinds) {}

  // Both write at most `limit` bytes to `data`, whose first `size` bytes are the input, and answer how many.
  std::size_t mutate(std::uint8_t* data, std::size_t size, std::size_t limit, std::uint64_t seed);
  std::size_t cross_over(std::span<const std::uint8_t> first, std::span<const std::uint8_t> second,
                         std::span<std::uint8_t> into, std::uint64_t seed);

 private:
  lockstep::Generator generator_after(const std::vector<Operation>& operations, std::size_t count,
                                      lockstep::Random& random) const;
  void mutate_once(Program& program, lockstep::Random& random);
  void insert_scene(Program& program, lockstep::Random& random);
  void tweak(Program& program, lockstep::Random& random);
  void drop_what_is_in_vain(std::vector<Operation>& operations, lockstep::Random& random) const;
  std::size_t write(Program& program, std::uint8_t* into, std::size_t limit, lockstep::Random& random);

  lockstep::KindMask kinds_;
  Program program_, other_;              // scratch
  std::vector<std::uint8_t> bytes_;      // scratch
  std::vector<Operation> operations_;    // scratch
};

}  // namespace mmtwin::fuzz
