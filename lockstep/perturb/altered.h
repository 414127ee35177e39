// One alteration of one legal thing: an event, a response or an observation that says something slightly else.
//
// Laws: none. Context: values and a random source. Cost: nanoseconds. Every function either changes something that has
// a meaning and answers the name of the field, or changes nothing and answers an empty name.
#pragma once

#include <string>
#include <vector>

#include "lockstep/perturb/event_fields.h"
#include "lockstep/random.h"
#include "vocab/events.h"
#include "vocab/machine.h"
#include "vocab/observations.h"

namespace mmtwin::lockstep {

std::string alter(Event& event, EventField field, const MachineDescription& machine, Random& random);
std::string alter(Event& event, const MachineDescription& machine, Random& random);
std::string alter(Response& response, Random& random);
std::string alter(FrameObservation& seen, const MachineDescription& machine, Random& random);
std::string alter(std::vector<RangeObservation>& seen, Random& random);
std::string alter(SpaceObservation& seen, Random& random);
std::string alter(ZoneObservation& seen, Random& random);
std::string alter(CacheObservation& seen, Random& random);
std::string alter(EntryObservation& seen, const MachineDescription& machine, Random& random);

}  // namespace mmtwin::lockstep
