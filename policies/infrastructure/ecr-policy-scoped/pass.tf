data "aws_iam_policy_document" "api" {
  # Named accounts pull.
  statement {
    actions = [
      "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability", "ecr:DescribeImages",
      "ecr:ListImages", "ecr:DescribeRepositories", "ecr:GetRepositoryPolicy", "ecr:DescribeImageScanFindings",
    ]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::111122223333:root"]
    }
  }
  # Reported to prowler as flagged for nothing.
  statement {
    actions = ["ecr:BatchGetImage"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "ForAnyValue:StringLike"
      variable = "aws:PrincipalOrgPaths"
      values   = ["o-dummy/*/ou-dummy/*"]
    }
  }
  statement {
    actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
    condition {
      test     = "StringLike"
      variable = "aws:sourceArn"
      values   = ["arn:aws:lambda:eu-central-1:111122223333:function:*"]
    }
  }
  # Nobody is let in by this.
  statement {
    effect  = "Deny"
    actions = ["ecr:*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
  # The pipeline, a role.
  statement {
    actions = ["ecr:PutImage"]
    principals {
      type        = "AWS"
      identifiers = [
        "arn:aws:iam::111122223333:role/ci", aws_iam_role.ci.arn, "arn:aws:iam::${var.account}:role/ci",
        "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root",
      ]
    }
  }
}

resource "aws_ecr_repository_policy" "api" {
  repository = "api"
  policy     = data.aws_iam_policy_document.api.json
}

resource "aws_ecr_repository_policy" "json" {
  repository = "web"
  policy     = <<-EOT
    {
      "Statement": {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "ecr:BatchGetImage",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-12345678"}}
      }
    }
  EOT
}

resource "aws_ecrpublic_repository_policy" "tool" {
  repository_name = "tool"
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Principal = "*", Action = "ecr-public:*" }]
  })
}

module "frontend" {
  source                      = "terraform-aws-modules/ecr/aws"
  repository_name             = "frontend"
  repository_read_access_arns = ["arn:aws:iam::111122223333:root"]
}
