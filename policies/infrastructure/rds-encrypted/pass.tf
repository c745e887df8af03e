resource "aws_db_instance" "shop" {
  engine            = "postgres"
  storage_encrypted = true
}

# In the same region a replica is like its source.
resource "aws_db_instance" "replica" {
  replicate_source_db = aws_db_instance.shop.identifier
}

resource "aws_rds_cluster" "serverless" {
  engine_mode = "serverless"
}

# An instance of Aurora has the storage of its cluster.
resource "aws_rds_cluster" "aurora" {
  engine            = "aurora-mysql"
  storage_encrypted = "true"
}

resource "aws_rds_cluster_instance" "one" {
  cluster_identifier = aws_rds_cluster.aurora.id
  engine             = "aurora-mysql"
  instance_class     = "db.r8g.large"
}

# The module encrypts where nobody says otherwise.
module "db" {
  source  = "terraform-aws-modules/rds/aws"
  version = "~> 6.0"
  engine  = "postgres"
}

resource "aws_db_instance" "nowhere" {
  count  = 0
  engine = "postgres"
}
