resource "aws_db_instance" "shop" { # expect[not-encrypted medium certain]: the storage of `aws_db_instance.shop` is not encrypted; for a database that exists, restore a copy of a snapshot
  identifier     = "shop"
  engine         = "postgres"
  engine_version = "17.4"
  instance_class = "db.t4g.small"
}

resource "aws_db_instance" "off" {
  engine            = "mysql"
  storage_encrypted = false # expect[not-encrypted]: the storage of `aws_db_instance.off` is not encrypted
}

# A key alone does not encrypt.
resource "aws_db_instance" "key" { # expect[not-encrypted]: `aws_db_instance.key`
  engine     = "mysql"
  kms_key_id = "arn:aws:kms:eu-central-1:123456789012:key/1"
}

resource "aws_rds_cluster" "zones" { # expect[not-encrypted]: `aws_rds_cluster.zones`
  engine                    = "mysql"
  db_cluster_instance_class = "db.r6gd.large"
}

resource "aws_rds_cluster" "aurora" { # expect[aurora-default low]: `aws_rds_cluster.aurora` does not set `storage_encrypted`: only new clusters of Aurora are encrypted
  engine = "aurora-postgresql"
}

resource "aws_rds_cluster" "old" {
  storage_encrypted = false # expect[aurora-default]: `aws_rds_cluster.old`
}

module "db" {
  source  = "terraform-aws-modules/rds/aws"
  version = "~> 6.0"

  storage_encrypted = false # expect[not-encrypted]: the storage of `module.db` is not encrypted
}
