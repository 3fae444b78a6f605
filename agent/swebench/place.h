// agent/swebench/place.h - whether a folder is on a disk of this machine.
//
// Locks, sockets and databases on network file systems hang or corrupt; results written once may
// lie there. Any thread.
#pragma once

#include <filesystem>
#include <string>

namespace engramd::agent::swebench {

// "NFS", "Lustre" …; empty for local file systems and unknown ones. magic: of statfs(2).
std::string network_file_system_name(unsigned long magic);
// Of the nearest folder above that exists.
std::string network_file_system_at(const std::filesystem::path& folder);

std::string host_name();

}  // namespace engramd::agent::swebench
