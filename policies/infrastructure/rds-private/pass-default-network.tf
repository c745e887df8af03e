# not-evaluated: whether `aws_rds_cluster.zones` has a public address depends on the default network
resource "aws_rds_cluster" "zones" {
  engine = "mysql"
}
