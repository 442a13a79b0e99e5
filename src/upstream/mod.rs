//! Servers that are asked: lists of them with rotation and health, and one exchange with one of them under deadlines. Knows no spam.
