#include "lockstep/generate/edge.h"

#include <optional>

#include "vocab/operations.h"

namespace mmtwin::lockstep {
namespace {

constexpr std::uint64_t kFarthest = 8;  // units

// Somewhere from `lo` to `hi` units off, the prospect is no longer the one at `lo`.
class Search {
 public:
  Search(Operation& operation, std::uint64_t start, std::uint64_t unit, bool is_upwards, Foresight& known)
      : operation_(operation), start_(start), unit_(unit), is_upwards_(is_upwards), known_(known) {}

  // `put` writes the moved field. Where nothing changes, it is as it was.
  template <class Put>
  void run(bool stays_on_this_side, const Put& put) {
    const auto seen = [&](std::uint64_t units) -> std::optional<Foresight::Prospect> {
      const std::uint64_t bytes = units * unit_;
      if (!is_upwards_ && bytes > start_) return std::nullopt;
      put(is_upwards_ ? start_ + bytes : start_ - bytes);
      return known_.is_in_vain(operation_) ? std::nullopt : std::optional(known_.prospect(operation_));
    };
    const auto here = seen(0);
    std::uint64_t lo = 0, hi = 0;
    for (std::uint64_t units = 1; units <= kFarthest && hi == 0; units *= 2) {
      const auto there = seen(units);
      if (!there) break;
      (*there == *here ? lo : hi) = units;
    }
    while (hi > lo + 1) {
      const std::uint64_t middle = lo + (hi - lo) / 2;
      const auto there = seen(middle);
      if (!there) break;
      (*there == *here ? lo : hi) = middle;
    }
    const std::uint64_t chosen = hi == 0 ? 0 : stays_on_this_side ? lo : hi;
    put(is_upwards_ ? start_ + chosen * unit_ : start_ - chosen * unit_);
  }

 private:
  Operation& operation_;
  std::uint64_t start_, unit_;
  bool is_upwards_;
  Foresight& known_;
};

}  // namespace

void move_to_edge(Operation& operation, Foresight& known, Random& random) {
  const bool is_upwards = random.percent(50), moves_place = random.percent(60), stays = random.percent(40);
  std::visit(
      [&]<class Op>(Op& op) {
        if constexpr (HasSpace<Op> && HasPlace<Op>) {
          constexpr std::uint64_t kUnit = IsAccess<Op> ? 1024 : kPageBytes;
          const Place place = op.at.value();
          const auto put_place = [&](std::uint64_t offset) { op.at = Place{place.base, offset}; };
          if constexpr (requires { op.length; }) {
            const auto put_length = [&](std::uint64_t bytes) { op.length = ByteCount(bytes); };
            if (!moves_place) {
              Search(operation, op.length.raw(), kUnit, is_upwards, known).run(stays, put_length);
              return;
            }
          }
          Search(operation, place.offset, kUnit, is_upwards, known).run(stays, put_place);
        }
      },
      operation);
}

}  // namespace mmtwin::lockstep
