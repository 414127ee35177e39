#include "props/smt/theorems_buddy.h"

namespace mmtwin::smt {

std::vector<Theorem> buddy_theorems() {
  using Rules = RunningBuddyRules;
  return {buddy_pairing_is_an_involution<Rules>(),
          alignment_is_divisibility<Rules>(),
          buddies_are_the_halves_of_their_parent<Rules>(),
          a_split_makes_two_buddies<Rules>(),
          a_block_holds_its_frames<Rules>(),
          overlap_is_a_shared_frame<Rules>()};
}

std::vector<Theorem> watermark_theorems() {
  using Rules = RunningWatermarkRules;
  return {watermark_never_wraps<Rules>(), atomic_requests_dig_through_half<Rules>()};
}

}  // namespace mmtwin::smt
