// The memory calls of an strace log as operations on one space, with the accesses that make them matter.
//
// Laws: none. Context: one thread. Cost: that of the contract, which plays along with what the log answers and so knows
// what is mapped. What a call takes for granted and nobody saw is assumed; what the log itself shows otherwise is not:
// it is judged later. It deliberately knows nothing of processes.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/contract/contract.h"
#include "tools/import/address_map.h"
#include "tools/import/imported.h"
#include "tools/import/program_writer.h"
#include "tools/import/strace_records.h"

namespace mmtwin::tools {

// What lies somewhere, or is to.
struct Area {
  std::uint64_t start = 0, end = 0;
  Prot prot;
  MapFlags flags;            // shared, noreserve, stack
  FileId file;               // 0: anonymous
  std::uint64_t offset = 0;  // of `start`
  bool is_private_anonymous() const { return file == FileId(0); }
};

struct TracedSpace {
  SpaceHandle handle;
  unsigned users = 1;
  AddressMap<bool> shown;  // by what the log did: true, it is mapped; false, it is not; nothing: nobody saw
};

class CallImporter {
 public:
  CallImporter(ImportCounts& counts, ProgramWriter& writer, const MachineDescription& machine, bool adds_accesses)
      : counts_(counts), writer_(writer), adds_accesses_(adds_accesses) {
    contract_.start(machine);
  }

  static bool concerns_memory(std::string_view call);
  // One that concerns memory. What the machine has no words for is counted as ignored. `beside`: calls on the same
  // space that were under way at the same time; what both are about, either may have found or left.
  void take(const StraceRecord& call, TracedSpace& space, CpuId cpu, const std::vector<const StraceRecord*>& beside);
  // The child writes to memory it shares with its parent, then the parent reads it.
  void touch_after_fork(const TracedSpace& parent, CpuId parent_cpu, const TracedSpace& child, CpuId child_cpu);

  // Nobody recorded what it answered.
  void add(const StraceRecord& record, const Operation& operation);
  void add(const StraceRecord& record, const Operation& operation, const Response& answer);

 private:
  struct Bytes {
    std::uint64_t start = 0, end = 0;
  };
  void import_call(const StraceRecord& r, TracedSpace& space);
  // What a call may change, as far as its words tell.
  Bytes concerned(const StraceRecord& r, const TracedSpace& space) const;
  void forget(TracedSpace& space, const Bytes& bytes);
  void forget_shared(const StraceRecord& r, TracedSpace& space, const std::vector<const StraceRecord*>& beside);
  bool may_be_invalid(const StraceRecord& r) const;
  void import_mmap(const StraceRecord& r, TracedSpace& space);
  void import_munmap(const StraceRecord& r, TracedSpace& space);
  void import_mprotect(const StraceRecord& r, TracedSpace& space);
  void import_brk(const StraceRecord& r, TracedSpace& space);
  void adopt_mremap(const StraceRecord& r, TracedSpace& space);

  struct Mapping {
    std::uint64_t at = 0, length = 0;
    Area area;
    MapFlags flags;
    bool is_known_kind = true;
  };
  Mapping read_mapping(const StraceRecord& r);
  bool prepare_place(const StraceRecord& r, TracedSpace& space, const Mapping& m);
  bool is_importable(const StraceRecord& r, bool is_explained);
  void assume(const StraceRecord& r, TracedSpace& space, Area area, std::string_view why);
  void assume_gone(const StraceRecord& r, TracedSpace& space, std::uint64_t start, std::uint64_t end,
                   std::string_view why);
  void assume_holes(const StraceRecord& r, TracedSpace& space, std::uint64_t start, std::uint64_t end);
  // The parts of [start, end) where something is mapped, and those where nothing is, in order.
  std::vector<Area> mapped(const TracedSpace& space, std::uint64_t start, std::uint64_t end) const;
  std::vector<Area> holes(const TracedSpace& space, std::uint64_t start, std::uint64_t end) const;
  static bool is_refused_its_hint(const StraceRecord& r, const TracedSpace& space, const Mapping& m);
  static bool is_shown_mapped(const TracedSpace& space, std::uint64_t start, std::uint64_t end);
  Area unseen(const StraceRecord& r, std::uint64_t start, std::uint64_t end);
  void touch(const StraceRecord& r, const TracedSpace& space, const Area& area);
  void store(const StraceRecord& r, SpaceHandle space, CpuId cpu, std::uint64_t at);

  Prot protection(const StraceRecord& r, std::size_t argument);
  std::uint64_t number(const StraceRecord& r, std::size_t argument, std::string_view what) const;
  const std::string& argument(const StraceRecord& r, std::size_t n) const;
  FileId file_of(const StraceRecord& r, std::string_view descriptor);

  ImportCounts& counts_;
  ProgramWriter& writer_;
  model::Contract contract_;
  bool adds_accesses_;
  CpuId cpu_;
  std::uint64_t stores_ = 0;
};

}  // namespace mmtwin::tools
