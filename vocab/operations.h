// The table of operations: one struct an operation, from which bytes, text, mutation and generation all derive.
//
// Laws: ROLLBACK reads `kRefusal`. Context: plain values. Cost: at most 80 bytes. A field is one line: its text name,
// its type, its member name. The first field of every operation is the CPU on which it runs; operations with `space`
// run as a thread of that space, and the CPU switches to it first if needed. The last is where the operation pauses; it
// then stays in flight until `resume`, until its CPU is needed, until somebody needs what it holds, or until the
// program ends. It deliberately has no behaviour.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>

#include "vocab/flags.h"
#include "vocab/handles.h"
#include "vocab/points.h"
#include "vocab/reflection.h"
#include "vocab/refusals.h"
#include "vocab/units.h"

namespace mmtwin {

// What Response::value says of an operation that is done.
enum class Answers : std::uint8_t {
  kNothing,  // 0
  kFrame,    // the first frame of a block
  kAddress,  // of a mapping
  kBreak,    // said by a refusal for want of memory as well: the old one
  kBytes,    // loaded, little endian
};

// ---- pages_: page frames ----
struct PagesAlloc {
  static constexpr std::string_view kName = "pages_alloc";
  static constexpr RefusalClass kRefusal = RefusalClass::kAtomic;
  static constexpr Answers kAnswers = Answers::kFrame;
  Field<"cpu", CpuId> cpu;
  Field<"order", Order> order;
  Field<"gfp", Gfp> gfp;
  Field<"node", NodeId> node = kAnyNode;
  Field<"->", Fresh<'b'>> result;
  Field<"pause", Pause> pause = Pause{};
};
struct PagesAllocExact {  // `pages` frames in a row; the tail of the power-of-two block goes back at once
  static constexpr std::string_view kName = "pages_alloc_exact";
  static constexpr RefusalClass kRefusal = RefusalClass::kAtomic;
  static constexpr Answers kAnswers = Answers::kFrame;
  Field<"cpu", CpuId> cpu;
  Field<"pages", PageCount> pages;  // 1 to 1024
  Field<"gfp", Gfp> gfp;
  Field<"node", NodeId> node = kAnyNode;
  Field<"->", Fresh<'b'>> result;
  Field<"pause", Pause> pause = Pause{};
};
struct PagesFree {
  static constexpr std::string_view kName = "pages_free";
  static constexpr RefusalClass kRefusal = RefusalClass::kNever;
  Field<"cpu", CpuId> cpu;
  Field<"block", BlockHandle> block;
  Field<"pause", Pause> pause = Pause{};
};
struct PagesDrainCpu {  // the per-CPU lists of CPU `target` become empty
  static constexpr std::string_view kName = "pages_drain_cpu";
  static constexpr RefusalClass kRefusal = RefusalClass::kNever;
  Field<"cpu", CpuId> cpu;
  Field<"target", CpuId> target;
  Field<"pause", Pause> pause = Pause{};
};

// ---- slab_: objects of a few sizes ----
struct SlabShrink {  // every frame that a cache keeps without an object in it goes back
  static constexpr std::string_view kName = "slab_shrink";
  static constexpr RefusalClass kRefusal = RefusalClass::kNever;
  Field<"cpu", CpuId> cpu;
  Field<"pause", Pause> pause = Pause{};
};

// ---- space_: address spaces ----
struct SpaceCreate {
  static constexpr std::string_view kName = "space_create";
  static constexpr RefusalClass kRefusal = RefusalClass::kAtomic;
  Field<"cpu", CpuId> cpu;
  Field<"brk", Address> brk;  // start of the heap, page aligned; 0: the geometry's default
  Field<"top", Address> top;  // one past the highest address that placement may use, page aligned; 0: default
  Field<"->", Fresh<'p'>> result;
  Field<"pause", Pause> pause = Pause{};
};
struct SpaceFork {
  static constexpr std::string_view kName = "space_fork";
  static constexpr RefusalClass kRefusal = RefusalClass::kAtomic;
  Field<"cpu", CpuId> cpu;
  Field<"space", SpaceHandle> space;
  Field<"->", Fresh<'p'>> result;
  Field<"pause", Pause> pause = Pause{};
};
struct SpaceExit {
  static constexpr std::string_view kName = "space_exit";
  static constexpr RefusalClass kRefusal = RefusalClass::kNever;
  Field<"cpu", CpuId> cpu;
  Field<"space", SpaceHandle> space;
  Field<"pause", Pause> pause = Pause{};
};
struct SpaceAssume {  // adopts a recorded range: whatever overlapped is gone, nothing merges; gone=1: only removes
  static constexpr std::string_view kName = "space_assume";
  static constexpr RefusalClass kRefusal = RefusalClass::kAtomic;
  Field<"cpu", CpuId> cpu;
  Field<"space", SpaceHandle> space;
  Field<"at", Place> at;
  Field<"length", ByteCount> length;
  Field<"prot", Prot> prot;
  Field<"flags", MapFlags> flags;
  Field<"file", FileId> file;
  Field<"offset", ByteCount> offset;
  Field<"gone", Switch> gone;
  Field<"pause", Pause> pause = Pause{};
};

// ---- range_: mappings ----
struct RangeMapAnon {
  static constexpr std::string_view kName = "range_map_anon";
  static constexpr RefusalClass kRefusal = RefusalClass::kAtomic;
  static constexpr Answers kAnswers = Answers::kAddress;
  Field<"cpu", CpuId> cpu;
  Field<"space", SpaceHandle> space;
  Field<"at", Place> at;
  Field<"length", ByteCount> length;
  Field<"prot", Prot> prot;
  Field<"flags", MapFlags> flags;
  Field<"->", Fresh<'a'>> result;
  Field<"pause", Pause> pause = Pause{};
};
struct RangeMapFile {
  static constexpr std::string_view kName = "range_map_file";
  static constexpr RefusalClass kRefusal = RefusalClass::kAtomic;
  static constexpr Answers kAnswers = Answers::kAddress;
  Field<"cpu", CpuId> cpu;
  Field<"space", SpaceHandle> space;
  Field<"at", Place> at;
  Field<"length", ByteCount> length;
  Field<"prot", Prot> prot;
  Field<"flags", MapFlags> flags;
  Field<"file", FileId> file;
  Field<"offset", ByteCount> offset;
  Field<"->", Fresh<'a'>> result;
  Field<"pause", Pause> pause = Pause{};
};
struct RangeUnmap {
  static constexpr std::string_view kName = "range_unmap";
  static constexpr RefusalClass kRefusal = RefusalClass::kAtomic;
  Field<"cpu", CpuId> cpu;
  Field<"space", SpaceHandle> space;
  Field<"at", Place> at;
  Field<"length", ByteCount> length;
  Field<"pause", Pause> pause = Pause{};
};
struct RangeProtect {
  static constexpr std::string_view kName = "range_protect";
  static constexpr RefusalClass kRefusal = RefusalClass::kPrefix;
  Field<"cpu", CpuId> cpu;
  Field<"space", SpaceHandle> space;
  Field<"at", Place> at;
  Field<"length", ByteCount> length;
  Field<"prot", Prot> prot;
  Field<"pause", Pause> pause = Pause{};
};
struct RangeBrk {  // answers the break after the call, as brk(2) does: a refusal answers the old one
  static constexpr std::string_view kName = "range_brk";
  static constexpr RefusalClass kRefusal = RefusalClass::kAtomic;
  static constexpr Answers kAnswers = Answers::kBreak;
  Field<"cpu", CpuId> cpu;
  Field<"space", SpaceHandle> space;
  Field<"at", Place> at;  // the wanted break; 0: ask
  Field<"pause", Pause> pause = Pause{};
};

// ---- memory_: accesses through the CPU's TLB ----
struct MemoryLoad {
  static constexpr std::string_view kName = "memory_load";
  static constexpr RefusalClass kRefusal = RefusalClass::kKills;
  static constexpr Answers kAnswers = Answers::kBytes;
  static constexpr Access kAccess = Access::kLoad;
  Field<"cpu", CpuId> cpu;
  Field<"space", SpaceHandle> space;
  Field<"at", Place> at;
  Field<"width", Width> width = Width(1);
  Field<"pause", Pause> pause = Pause{};
};
struct MemoryStore {
  static constexpr std::string_view kName = "memory_store";
  static constexpr RefusalClass kRefusal = RefusalClass::kKills;
  static constexpr Access kAccess = Access::kStore;
  Field<"cpu", CpuId> cpu;
  Field<"space", SpaceHandle> space;
  Field<"at", Place> at;
  Field<"width", Width> width = Width(1);
  Field<"value", Value> value;
  Field<"pause", Pause> pause = Pause{};
};
struct MemoryFetch {
  static constexpr std::string_view kName = "memory_fetch";
  static constexpr RefusalClass kRefusal = RefusalClass::kKills;
  static constexpr Answers kAnswers = Answers::kBytes;
  static constexpr Access kAccess = Access::kFetch;
  Field<"cpu", CpuId> cpu;
  Field<"space", SpaceHandle> space;
  Field<"at", Place> at;
  Field<"width", Width> width = Width(1);
  Field<"pause", Pause> pause = Pause{};
};

// ---- cpu_: what the processor and the scheduler do ----
struct CpuSwitchSpace {  // space none: lazy TLB, the tables of the last space stay loaded
  static constexpr std::string_view kName = "cpu_switch_space";
  static constexpr RefusalClass kRefusal = RefusalClass::kNever;
  Field<"cpu", CpuId> cpu;
  Field<"space", SpaceHandle> space;
  Field<"pause", Pause> pause = Pause{};
};
struct CpuFlushPage {  // this CPU drops what it cached for the page in the loaded space
  static constexpr std::string_view kName = "cpu_flush_page";
  static constexpr RefusalClass kRefusal = RefusalClass::kNever;
  Field<"cpu", CpuId> cpu;
  Field<"at", Place> at;
  Field<"pause", Pause> pause = Pause{};
};
struct CpuFlushSpace {  // this CPU drops all that it cached for the loaded space
  static constexpr std::string_view kName = "cpu_flush_space";
  static constexpr RefusalClass kRefusal = RefusalClass::kNever;
  Field<"cpu", CpuId> cpu;
  Field<"pause", Pause> pause = Pause{};
};
struct CpuSpeculate {  // the hardware walks ahead: may cache a translation and set A, never D, never faults
  static constexpr std::string_view kName = "cpu_speculate";
  static constexpr RefusalClass kRefusal = RefusalClass::kNever;
  Field<"cpu", CpuId> cpu;
  Field<"at", Place> at;
  Field<"pause", Pause> pause = Pause{};
};
struct CpuEvict {  // the hardware drops a cached translation of the page for want of room
  static constexpr std::string_view kName = "cpu_evict";
  static constexpr RefusalClass kRefusal = RefusalClass::kNever;
  Field<"cpu", CpuId> cpu;
  Field<"at", Place> at;
  Field<"pause", Pause> pause = Pause{};
};

// ---- world ----
struct FailNext {  // the n-th page or slab request from here on fails; NOFAIL requests are not counted
  static constexpr std::string_view kName = "fail_next";
  static constexpr RefusalClass kRefusal = RefusalClass::kNever;
  Field<"cpu", CpuId> cpu;
  Field<"n", Count> n;  // 1: the very next; 0: none any more
  Field<"pause", Pause> pause = Pause{};
};

// ---- schedule ----
struct Resume {  // the operation that began last of those in flight on this CPU goes on, perhaps to the next pause
  static constexpr std::string_view kName = "resume";
  static constexpr RefusalClass kRefusal = RefusalClass::kNever;
  Field<"cpu", CpuId> cpu;
  Field<"first", Switch> first = Switch(0);  // 1: the one that began first
  Field<"pause", Pause> pause = Pause{};
};

// The order of this list is the operation's number in byte programs: append only.
using AnyOperation =
    std::variant<PagesAlloc, PagesAllocExact, PagesFree, PagesDrainCpu, SpaceCreate, SpaceFork, SpaceExit, SpaceAssume,
                 RangeMapAnon, RangeMapFile, RangeUnmap, RangeProtect, RangeBrk, MemoryLoad, MemoryStore, MemoryFetch,
                 CpuSwitchSpace, CpuFlushPage, CpuFlushSpace, CpuSpeculate, CpuEvict, FailNext, SlabShrink, Resume>;
// A type of its own, so that whoever only hands operations on says `struct Operation;` and is not rebuilt when a field
// is added here.
struct Operation : AnyOperation {
  using AnyOperation::AnyOperation;
};
inline constexpr std::size_t kOperationKinds = std::variant_size_v<AnyOperation>;

namespace kinds {
template <std::size_t... I>
constexpr auto names(std::index_sequence<I...>) {
  return std::array<std::string_view, sizeof...(I)>{std::variant_alternative_t<I, AnyOperation>::kName...};
}
}  // namespace kinds

// By operation number, the index in the variant.
inline constexpr auto kOperationNames = kinds::names(std::make_index_sequence<kOperationKinds>());

// The number of operation type T.
template <class T>
inline constexpr std::size_t kKindOf = [] {
  std::size_t kind = 0;
  while (kOperationNames[kind] != T::kName) ++kind;
  return kind;
}();

// ---- properties of operations, by what stands beside their fields ----
template <class Op>
concept HasSpace = requires(const Op& op) { op.space; };
template <class Op>
concept HasPlace = requires(const Op& op) { op.at; };
template <class Op>
concept IsAccess = requires { Op::kAccess; };
// What its result handle names: 'b' a block, 'p' a space, 'a' an address; 0: it has none.
template <class Op>
constexpr char makes() {
  if constexpr (requires(const Op& op) { op.result; }) return decltype(Op::result)::kLetter;
  return 0;
}
template <class Op>
constexpr Answers answers() {
  if constexpr (requires { Op::kAnswers; }) return Op::kAnswers;
  return Answers::kNothing;
}
template <class Op>
constexpr bool may_want_memory() {
  return Op::kRefusal != RefusalClass::kNever;
}

inline std::string_view name_of(const Operation& op) {
  return std::visit([](const auto& o) { return std::decay_t<decltype(o)>::kName; }, op);
}
inline RefusalClass refusal_class_of(const Operation& op) {
  return std::visit([](const auto& o) { return std::decay_t<decltype(o)>::kRefusal; }, op);
}
inline Pause pause_of(const Operation& op) {
  return std::visit([](const auto& o) { return o.pause.value(); }, op);
}
// The space that the operation names; none if it names none.
inline SpaceHandle space_of(const Operation& op) {
  return std::visit(
      [](const auto& o) {
        if constexpr (requires { o.space; }) return o.space.value();
        else return SpaceHandle();
      },
      op);
}
inline CpuId cpu_of(const Operation& op) {
  return std::visit([](const auto& o) { return o.cpu.value(); }, op);
}

}  // namespace mmtwin
