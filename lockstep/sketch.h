// What probably exists after a program so far, if every operation succeeded: enough to aim the next one.
//
// Laws: none; a wrong guess costs a skipped or refused operation, nothing else. Context: one thread. Cost: linear in
// the ranges of the space that an operation names. It deliberately does not predict placement: a range at a chosen
// address is known by its handle.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "vocab/machine.h"
#include "vocab/operations.h"

namespace mmtwin::lockstep {

struct SketchRange {
  Place at;
  std::uint64_t length = 0;
  Prot prot;
  MapFlags flags;
  FileId file;
  std::uint64_t offset = 0;

  Place place(std::uint64_t inside) const { return {at.base, at.offset + inside}; }
};

struct SketchSpace {
  unsigned number = 0;
  std::vector<SketchRange> ranges;
  std::uint64_t heap = 0, brk = 0;     // start of the heap and its end
  std::vector<std::uint64_t> touched;  // pages that were stored to
};

struct SketchBlock {
  unsigned number = 0;
  std::uint64_t frames = 0;
};

struct SketchCpu {
  unsigned space = 0;  // whose tables are loaded; 0: the kernel's
  bool is_lazy = false;
};

class Sketch {
 public:
  // `handles`: the highest number of a kind that `free_handle` gives out.
  Sketch(const MachineDescription& machine, unsigned handles);

  void assume(const Operation& operation);

  const MachineDescription& machine() const { return machine_; }
  const std::vector<SketchBlock>& blocks() const { return blocks_; }
  const std::vector<SketchSpace>& spaces() const { return spaces_; }
  const std::vector<unsigned>& addresses() const { return addresses_; }
  const SketchCpu& cpu(unsigned number) const { return cpus_[number]; }
  const SketchSpace* space(SpaceHandle handle) const;
  // A number of that kind that nothing has; 0: all are taken.
  unsigned free_handle(char letter) const;
  unsigned handles() const { return handles_; }
  // Frames that are probably in use, in percent of those that requests may have.
  unsigned pressure() const;
  std::uint64_t frames_free() const;

  // Where absolute places lie, and what the geometry says of the address space.
  std::uint64_t user_end() const;
  std::uint64_t default_heap() const;
  std::uint64_t default_top() const;
  std::uint64_t huge_bytes() const;

 private:
  struct Effects;
  SketchSpace* find_space(SpaceHandle handle);
  void rename_address(unsigned number);
  void forget_range(SketchSpace& space, const Place& at, std::uint64_t length);
  void add_range(SketchSpace& space, const SketchRange& range);

  MachineDescription machine_;
  unsigned handles_;
  std::uint64_t capacity_ = 0;
  std::uint64_t used_ = 0;
  std::vector<SketchBlock> blocks_;
  std::vector<SketchSpace> spaces_;
  std::vector<unsigned> addresses_;
  std::array<SketchCpu, kMaxCpus> cpus_{};
};

}  // namespace mmtwin::lockstep
