"""What whoever runs the installation looks at: health, metrics, logs; and what starts it on one machine."""
