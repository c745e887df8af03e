resource "aws_autoscaling_group" "runners" {
  min_size = 1
}
