// Flag words that both machines read: allocation flags, protections, mapping flags.
//
// Laws: none; only names and bits live here, every rule about them is written twice (model/ and impl/). Context:
// values. Cost: one byte each. It deliberately contains no table from flags to zones or the like.
#pragma once

#include <compare>
#include <cstdint>

namespace mmtwin {

// A set of named bits. `Tag` carries the names (see `kNames` of each) in the order in which text prints them.
template <class Tag>
class Flags {
 public:
  constexpr Flags() = default;
  constexpr explicit Flags(unsigned bits) : bits_(static_cast<std::uint8_t>(bits)) {}
  constexpr unsigned bits() const { return bits_; }
  constexpr bool has(Flags other) const { return (bits_ & other.bits_) == other.bits_; }
  constexpr bool any(Flags other) const { return (bits_ & other.bits_) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  friend constexpr Flags operator|(Flags a, Flags b) { return Flags(unsigned{a.bits_} | unsigned{b.bits_}); }
  friend constexpr Flags operator&(Flags a, Flags b) { return Flags(unsigned{a.bits_} & unsigned{b.bits_}); }
  constexpr Flags without(Flags other) const { return Flags(unsigned{bits_} & ~unsigned{other.bits_}); }
  friend constexpr auto operator<=>(Flags, Flags) = default;

 private:
  std::uint8_t bits_ = 0;
};

// GFP: what a page request may do. Linux Documentation/core-api/memory-allocation.rst. Without kGfpWait the request may
// neither drain per-CPU lists nor reclaim; kGfpHigh may use half of the min reserve; kGfpNofail may use all of it.
// kGfpMovable is __GFP_MOVABLE with __GFP_HIGHMEM, as user pages have them: only together do they open ZONE_MOVABLE.
struct GfpTag {
  static constexpr const char* kNames[] = {"dma", "wait", "high", "nofail", "thisnode", "zero", "dma32", "movable"};
};
using Gfp = Flags<GfpTag>;
inline constexpr Gfp kGfpDma{1}, kGfpWait{2}, kGfpHigh{4}, kGfpNofail{8}, kGfpThisNode{16}, kGfpZero{32},
    kGfpDma32{64}, kGfpMovable{128};
inline constexpr Gfp kGfpKernel = kGfpWait;  // GFP_KERNEL
inline constexpr Gfp kGfpAtomic = kGfpHigh;  // GFP_ATOMIC
inline constexpr unsigned kGfpBits = 8;

// Protection of a range, as mmap(2) asks for it.
struct ProtTag {
  static constexpr const char* kNames[] = {"r", "w", "x"};
};
using Prot = Flags<ProtTag>;
inline constexpr Prot kProtNone{0}, kProtRead{1}, kProtWrite{2}, kProtExec{4};
inline constexpr unsigned kProtBits = 3;

// Mapping flags, mmap(2). kMapShared is for files only; its absence is MAP_PRIVATE. kMapNoReplace implies kMapFixed.
// kMapStack is an attribute of the range (Linux 6.12: MAP_STACK sets VM_NOHUGEPAGE) and so bears on merging.
struct MapTag {
  static constexpr const char* kNames[] = {"fixed", "noreplace", "noreserve", "shared", "stack"};
};
using MapFlags = Flags<MapTag>;
inline constexpr MapFlags kMapFixed{1}, kMapNoReplace{2}, kMapNoReserve{4}, kMapShared{8}, kMapStack{16};
inline constexpr unsigned kMapBits = 5;

// Kind of access a CPU makes.
enum class Access : std::uint8_t { kLoad, kStore, kFetch };

}  // namespace mmtwin
