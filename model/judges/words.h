// Words: how findings name what they are about.
#pragma once

#include <cstdint>
#include <string>

#include "model/flights/activity.h"

namespace mmtwin::model {

std::string cache_text(std::uint64_t cache);
std::string zone_text(unsigned zone);
std::string text_of(const HeldLock& lock);

}  // namespace mmtwin::model
