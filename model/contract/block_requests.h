// What operations that ask for blocks ask for.
//
// Laws: none. Context: plain values. Cost: none. It deliberately stands alone: who keeps blocks knows no operations.
#pragma once

#include <bit>
#include <cstdint>

#include "vocab/operations.h"

namespace mmtwin::model {

// The order of the block out of which pages are given; alloc_pages_exact gives back what is too much.
inline unsigned order_of(const PagesAlloc& op) { return op.order.raw(); }
inline unsigned order_of(const PagesAllocExact& op) {
  return static_cast<unsigned>(std::bit_width(op.pages.raw() - 1));
}

// And how many of them are kept.
inline std::uint64_t pages_of(const PagesAlloc& op) { return std::uint64_t{1} << op.order.raw(); }
inline std::uint64_t pages_of(const PagesAllocExact& op) { return op.pages.raw(); }

}  // namespace mmtwin::model
