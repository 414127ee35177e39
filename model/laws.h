// The laws: one row a claim that must always hold over what is observed of the system under test.
//
// Laws: all. Context: constants. Cost: none. Reports, asserts, comments and patches quote the ids. A law is counted as
// exercised only when its antecedent held and a wrong value was possible.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace mmtwin::model {

enum class Law : std::uint8_t {
  kAnswer,
  kContent1, kContent2,
  kPerm1, kPerm2,
  kIso1, kIso2,
  kFrame1, kFrame2, kFrame3,
  kBuddy1, kBuddy2, kBuddy3,
  kZone1, kZone2, kZone3,
  kPcp1, kPcp2,
  kPt1, kPt2, kPt3,
  kTlb1, kTlb2,
  kWalk1,
  kCpu1, kCpu2,
  kSlub1, kSlub2,
  kVma1, kVma2, kVma3,
  kCow1, kCow2,
  kAcct1, kAcct2,
  kOom1, kOom2,
  kRollback1, kRollback2,
  kLive1, kLive2,
  kLock1, kLock2, kLock3, kLock4,
  kAudit1,
  kCount,
};
inline constexpr unsigned kLawCount = static_cast<unsigned>(Law::kCount);
using LawCounts = std::array<std::uint64_t, kLawCount>;

struct LawRow {
  std::string_view id;
  std::string_view claim;
};

inline constexpr std::array<LawRow, kLawCount> kLaws = {{
    {"ANSWER-1", "an operation answers what the specification says, or one of the answers it leaves open"},
    {"CONTENT-1", "a load returns the bytes last stored there, zero if never stored"},
    {"CONTENT-2", "the bytes of a mapped frame are those of the page it holds"},
    {"PERM-1", "an access succeeds iff a range allows it, and is refused with the right signal and code otherwise"},
    {"PERM-2", "a leaf entry grants no right that its range does not grant"},
    {"ISO-1", "every frame that user code can reach is justified by a range of that space"},
    {"ISO-2", "a frame is zeroed or fully copied before it becomes reachable: no byte of a former owner is readable"},
    {"FRAME-1", "a frame is taken only when it is free, and returned only by its owner: one role each"},
    {"FRAME-2", "a frame's reference and mapping counts equal the references that exist, no more than may be"},
    {"FRAME-3", "a frame is returned only when nothing refers to it"},
    {"BUDDY-1", "a free block starts at a multiple of its size and lies inside one zone"},
    {"BUDDY-2", "free blocks are maximal: two free buddies are one block"},
    {"BUDDY-3", "a zone counts just the free blocks it has, by order"},
    {"ZONE-1", "a block comes from a zone and node that the request allows"},
    {"ZONE-2", "no request takes a zone below its watermark and reserve"},
    {"ZONE-3", "the first zone of the fallback order that may give, gives"},
    {"PCP-1", "a per-CPU list holds single frames of its zone, used by nobody, served to its own CPU only"},
    {"PCP-2", "a per-CPU list is never longer than high after an operation, and empty after its drain"},
    {"PT-1", "tables form a tree: a table is linked once, one level below its parent, empty when linked"},
    {"PT-2", "a table exists only where a range justifies it"},
    {"PT-3", "what the tables hold is what was stored there; no accessed or dirty mark is lost or invented"},
    {"TLB-1", "no access uses what grants more than the tables after its flush; no leaf names another frame before it"},
    {"TLB-2", "a frame or table is freed only when no CPU can use it without passing a flush first"},
    {"WALK-1", "a walk happens only on a miss, starts at the lowest cached table, marks and caches what it passes"},
    {"CPU-1", "an operation acts on its own CPU, which runs its space; another CPU acts only once it was interrupted"},
    {"CPU-2", "a CPU is interrupted just when its lists or translations are concerned, and its answer is awaited"},
    {"SLUB-1", "the objects handed out are those that the state consists of"},
    {"SLUB-2", "an operation asks only caches it may need; a cache takes a frame only when it is full"},
    {"VMA-1", "ranges are sorted, disjoint, page aligned and inside the user half"},
    {"VMA-2", "the range list is the one that the operations so far lead to"},
    {"VMA-3", "a chosen address is the highest gap that fits"},
    {"COW-1", "a page mapped more than once is writable nowhere; a store to it copies"},
    {"COW-2", "a store to a page mapped once reuses it"},
    {"ACCT-1", "zone, list and cache counters equal a recount"},
    {"ACCT-2", "a space's counters equal a recount"},
    {"OOM-1", "out of memory is answered only when a request was refused that was illegal to grant"},
    {"OOM-2", "a blocking request is refused only after every per-CPU list was drained"},
    {"ROLLBACK-1", "a refused operation leaves the contract state that its class names"},
    {"ROLLBACK-2", "no operation, least of all a refused one, keeps a frame that the state does not justify"},
    {"LIVE-1", "at rest, every frame is free but those taken at boot"},
    {"LIVE-2", "an operation ends within a bounded number of steps once nobody pauses any more"},
    {"LOCK-1", "a thing has one lock, a lock one holder, who releases it; nobody waits for someone who waits for him"},
    {"LOCK-2", "a lock is taken only under locks that the table of lock classes puts outside of it"},
    {"LOCK-3", "nobody waits for memory or for a sleeping lock while holding a spinning one"},
    {"LOCK-4", "entries of a space, free blocks of a zone and slabs of a cache change only under their lock"},
    {"AUDIT-1", "the system's structures are what it claims of them itself"},
}};

constexpr std::string_view id_of(Law law) { return kLaws[static_cast<unsigned>(law)].id; }
constexpr std::string_view claim_of(Law law) { return kLaws[static_cast<unsigned>(law)].claim; }

}  // namespace mmtwin::model
