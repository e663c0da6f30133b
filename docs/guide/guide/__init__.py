"""What the guide shows with: code to embed, a resource, and small courses to build."""
