"""What the store relies on in the machine: kernel locks, its uptime, and local disks."""
