#include "model/judges/words.h"

namespace mmtwin::model {

std::string cache_text(std::uint64_t cache) {
  return cache < kCaches ? std::string(kCacheNames[cache]) : "cache " + std::to_string(cache);
}

std::string zone_text(unsigned zone) {
  if (zone == kNoZone) return "no zone";
  return "node " + std::to_string(zone / kZoneKinds) + " " + std::string(kZoneKindNames[zone % kZoneKinds]);
}

std::string text_of(const HeldLock& lock) {
  return std::string(name_of(lock.lock_class)) + " " + std::to_string(lock.instance);
}

}  // namespace mmtwin::model
