// What exists after a program so far, if every operation is done where it begins: enough to aim the next one.
//
// Laws: none; where the system does otherwise, operations are refused or skipped, nothing else. Context: one thread.
// Cost: that of the contract, which is played with the plainest answers; a space's ranges are listed anew where
// somebody asks after they changed. It deliberately knows nothing itself of what operations do: only which handles are
// given, which space a CPU runs, and how much memory is probably in use.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/contract/contract.h"
#include "vocab/flags.h"
#include "vocab/handles.h"
#include "vocab/machine.h"
#include "vocab/refusals.h"
#include "vocab/units.h"

namespace mmtwin {
struct MemoryStore;  // vocab/operations.h, as is the next
struct Operation;
}  // namespace mmtwin

namespace mmtwin::lockstep {

struct KnownRange {
  Place at;  // named by the handle of the mapping, where the machine chose its address
  std::uint64_t length = 0;
  Prot prot;
  MapFlags flags;
  FileId file;
  std::uint64_t offset = 0;

  Place place(std::uint64_t inside) const { return {at.base, at.offset + inside}; }
};

struct KnownSpace {
  unsigned number = 0;
  std::uint64_t heap = 0;              // where it starts
  std::vector<KnownRange> ranges;      // by address
  bool is_listed = true;               // they are those that exist
  std::vector<std::uint64_t> touched;  // pages that were stored to since it was made
};

struct KnownBlock {
  unsigned number = 0;
  std::uint64_t frames = 0;
};

struct KnownCpu {
  unsigned space = 0;  // whose tables are loaded; 0: the kernel's
  bool is_lazy = false;
};

class Foresight {
 public:
  // `handles`: the highest number of a kind that `free_handle` gives out.
  Foresight(const MachineDescription& machine, unsigned handles);

  // Does the operation mean nothing? It would be skipped, and nothing would happen.
  bool is_in_vain(const Operation& operation) const;
  // It is done, unless it is in vain.
  void assume(const Operation& operation) {
    if (!is_in_vain(operation)) play(operation);
  }
  // One that is not.
  void play(const Operation& operation);

  // What the operation, which is not in vain, would come to.
  struct Prospect {
    Refusal refusal = Refusal::kNone;
    std::uint64_t ranges = 0;  // of its space, then; 0: it changes none
    friend bool operator==(const Prospect&, const Prospect&) = default;
  };
  Prospect prospect(const Operation& operation);

  const model::Contract& contract() const { return contract_; }
  const model::Geometry& geometry() const { return contract_.geometry(); }
  const MachineDescription& machine() const { return machine_; }
  const std::vector<KnownBlock>& blocks() const { return blocks_; }
  const std::vector<KnownSpace>& spaces() const;
  const std::vector<unsigned>& addresses() const { return addresses_; }
  const KnownCpu& cpu(unsigned number) const { return cpus_[number]; }
  const KnownSpace* space(SpaceHandle handle) const;
  // A number of that kind that nothing has; 0: all are taken.
  unsigned free_handle(char letter) const;
  unsigned handles() const { return handles_; }
  // Frames that are probably in use, in percent of those that requests may have.
  unsigned pressure() const;
  std::uint64_t frames_free() const;

 private:
  KnownSpace* find_space(SpaceHandle handle);
  void list_ranges(KnownSpace& space) const;
  Place name_place(std::uint64_t start, std::uint64_t end) const;
  void note_made(const Operation& operation, const Response& answer);
  void note_gone(const Operation& operation);
  void note_touched(const MemoryStore& store);

  MachineDescription machine_;
  model::Contract contract_;
  unsigned handles_;
  std::uint64_t capacity_ = 0;
  std::uint64_t used_ = 0;
  std::vector<KnownBlock> blocks_;
  mutable std::vector<KnownSpace> spaces_;  // their ranges are listed once somebody asks
  std::vector<unsigned> addresses_;         // handles that were given
  std::vector<unsigned> chosen_addresses_;  // of these, of places that the machine chose
  std::array<KnownCpu, kMaxCpus> cpus_{};
};

}  // namespace mmtwin::lockstep
