// Rows of events: what may be said of a kind of event whoever judges it.
//
// Laws: none; the judges that read a row name theirs. Context: constants. Cost: one load. It deliberately says nothing
// of what an event means: Court::on_event gives each kind to its judge.
#pragma once

#include <array>
#include <cstdint>

#include "vocab/events.h"

namespace mmtwin::model {

enum EventTrait : std::uint16_t {
  kOfHarness = 1 << 0,       // tells which operation acts, or that one ended
  kByWalker = 1 << 1,        // the hardware translates: software is out
  kOfAccess = 1 << 2,        // comes of an access itself; of what counts only the access does
  kNamesSlot = 1 << 3,       // of the TLB, or of a walk cache
  kLoadsSpace = 1 << 4,      // comes before an operation acts at all
  kIsLock = 1 << 5,          // taken or given back
  kAnswersRequest = 1 << 6,  // may come between a page request and its answer, or is that
  kFillsFrame = 1 << 7,      // zeroes or copies to it
  kWhileAwaited = 1 << 8,    // may come from who waits for the answer to an interrupt
  kOfInterrupted = 1 << 9,   // may come from a CPU that was interrupted
};

constexpr std::uint16_t traits_of(EventKind kind) {
  switch (kind) {
    case EventKind::kWentOn:
    case EventKind::kEnded:
    case EventKind::kStuck: return kOfHarness;
    case EventKind::kTlbFilled:
    case EventKind::kTlbUsed:
    case EventKind::kWalkCacheFilled:
    case EventKind::kWalkCacheUsed:
    case EventKind::kTableMark: return kByWalker | kOfAccess;
    case EventKind::kFaulted:
    case EventKind::kCommitted: return kOfAccess;
    case EventKind::kTlbDropped:
    case EventKind::kWalkCacheDropped: return kNamesSlot | kWhileAwaited | kOfInterrupted;
    case EventKind::kSpaceLoaded: return kLoadsSpace | kOfInterrupted;
    case EventKind::kLockTaken:
    case EventKind::kLockReleased: return kIsLock | kOfInterrupted;
    case EventKind::kListDrained: return kAnswersRequest | kOfInterrupted;
    case EventKind::kFrameTaken:
    case EventKind::kPageRefused:
    case EventKind::kListFilled:
    case EventKind::kFailureInjected:
    case EventKind::kActivityBegun:
    case EventKind::kActivityEnded: return kAnswersRequest;
    case EventKind::kInterrupted:
    case EventKind::kInterruptSent:
    case EventKind::kInterruptAnswered: return kAnswersRequest | kWhileAwaited;
    case EventKind::kFrameZeroed:
    case EventKind::kFrameCopied: return kFillsFrame;
    default: return 0;
  }
}

inline constexpr auto kEventTraits = [] {
  std::array<std::uint16_t, kEventNames.size()> traits{};
  for (std::size_t kind = 0; kind < traits.size(); ++kind) traits[kind] = traits_of(static_cast<EventKind>(kind));
  return traits;
}();

}  // namespace mmtwin::model
