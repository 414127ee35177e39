// Claims: what a system tells, what it shows, and what it promises beyond the contract.
//
// Laws: none; each check asks for the claims that it needs, and nothing that is not claimed is judged. Context: values.
// Cost: tens of bytes. Who does not tell its requests is judged by its answers alone. It deliberately says nothing of
// how a system comes to know what it tells.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "vocab/events.h"

namespace mmtwin {

enum class Claim : std::uint8_t {
  // -- narrated: all events of the kind are told, as they happen; nothing counts without kRequests --
  kRequests,      // page requests, their refusals, frames that come and go, spaces ended for want of one
  kCpuLists,      // single frames pass through a list of their CPU
  kTables,        // stores to page-table entries
  kTranslations,  // what CPUs do by themselves: loads of roots, walks, TLBs, faults, interrupts; with kTables
  kLocks,         // takings and releases
  kObjects,       // requests and returns of slab objects
  kEffects,       // when an operation counts, and what an answer does not tell; with kLocks
  // -- shown --
  kFrames,    // frames, their bytes and page-table entries
  kRanges,    // range lists
  kCounters,  // of zones, spaces and caches
  kBlocks,    // what owners of blocks see of them; nothing counts with kRequests
  // -- promised --
  kLoads,           // what a load answers is what it read; of whom the requests are told it is known
  kExactZones,      // the first zone of the fallback order that may give, gives
  kExactAddresses,  // chosen addresses are the highest gap that fits
};

struct Claims {
  std::uint32_t set = 0;  // bit c: Claim c
  std::array<std::uint16_t, kCacheNames.size()> objects_per_frame{};  // of each cache, as fit; 0: does not say
  // Of 1024 frames of a zone, those that it may need for itself: by this much earlier it may refuse a single one.
  std::uint16_t overhead_per_1024 = 64;

  constexpr Claims() = default;
  constexpr Claims(std::initializer_list<Claim> claims) {
    for (const Claim claim : claims) add(claim);
  }
  constexpr void add(Claim claim) { set |= bit(claim); }
  constexpr void drop(Claim claim) { set &= ~bit(claim); }
  constexpr bool has(Claim claim) const { return (set & bit(claim)) != 0; }
  // Are its events judged?
  constexpr bool narrates() const { return has(Claim::kRequests); }

 private:
  static constexpr std::uint32_t bit(Claim claim) { return std::uint32_t{1} << static_cast<unsigned>(claim); }
};

}  // namespace mmtwin
